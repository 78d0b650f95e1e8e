"""The Beam transform: TFRecord shards in, transformed TFRecord shards out."""

from __future__ import annotations

import gzip
import os
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from pixelbake.errors import RunError
from pixelbake.files import local_copy, write_bytes
from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import Record, frame_record, read_tfrecord
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.batching import MAX_BATCH_PIXELS, batches_by_pixels, pixels_in_work
from pixelbake.job.config import Limits
from pixelbake.job.heartbeat import beating, raise_if_given_up
from pixelbake.job.interruption import die_with, raise_if_interrupted
from pixelbake.job.progress import ShardProgress
from pixelbake.job.quarantine import quarantine_example
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.job.shards import ShardResult, ShardTask
from pixelbake.job.staging import PART_SUFFIX
from pixelbake.job.worker_threads import one_thread_an_op
from pixelbake.recipe import Recipe
from pixelbake.recipe.parts import Resize

__all__ = ["RunFolders", "TransformImages"]

NAMESPACE = "pixelbake"

#: One batch is read, gated and written by Python while TensorFlow works on the other.
BATCHES_IN_FLIGHT = 2
#: Two full batches; an image with more pixels than this is in work alone.
MAX_PIXELS_IN_FLIGHT = 2 * MAX_BATCH_PIXELS


@dataclass(frozen=True)
class RunFolders:
    """Where the parts of a run go while it is made; any file system that Beam knows.

    Attributes:
        transform_graph: The transform graph, already written.
        examples: Output shards, in a folder `Split-<name>` per split.
        quarantine: Quarantine shards, likewise; only where there is something to quarantine.
        results: A small JSON file per finished shard; `""` for none.
        as_gzip: Whether output shards are gzip files, as TFX's own components write them and many
            trainers expect. They are stored, not compressed: gzip takes longer than the blur and
            makes a PNG 0.1 % smaller.
        progress: A local folder in which workers note how far they are; `""` for none.
        at_work: A folder in which workers note that they are at work; `""` for none.
    """

    transform_graph: str
    examples: str
    quarantine: str
    results: str
    as_gzip: bool = False
    progress: str = ""
    at_work: str = ""

    def shard_name(self, task: ShardTask) -> str:
        """Returns the output shard's file name, the same in every attempt."""
        suffix = ".gz" if self.as_gzip else ".tfrecord"
        return f"transformed_examples-{task.index:05d}-of-{task.of:05d}{suffix}"

    def result_path(self, task: ShardTask) -> str:
        """Returns the path of a finished shard's `ShardResult`."""
        return f"{self.results}/{task.split}-{task.index:05d}-of-{task.of:05d}.json"


class TransformImages(beam.PTransform):
    """Transforms TFRecord shards with a recipe's transform graph.

    `PCollection[ShardTask]` to `PCollection[ShardResult]`. The records themselves never pass
    through Beam: a shard is read, transformed and written in one place, in bounded memory.

    Args:
        recipe: What to do to the pixels.
        folders: Where to find the transform graph and put the shards.
        limits: How large records and images may be.
    """

    def __init__(self, recipe: Recipe, folders: RunFolders, limits: Limits | None = None) -> None:
        super().__init__()
        limits = limits or Limits()
        gate = RecordGate.of(recipe, limits.images)
        self._do_fn = _TransformShard(gate, folders, limits.max_record_bytes, recipe.resize)

    def expand(self, tasks: Any) -> Any:
        """Spreads the shards over the workers and transforms each."""
        return (
            tasks
            | "SpreadShards" >> beam.Reshuffle()
            | "TransformShard" >> beam.ParDo(self._do_fn).with_output_types(ShardResult)
        )


class _TransformShard(beam.DoFn):
    """Reads, transforms and writes one shard at a time."""

    def __init__(
        self, gate: RecordGate, folders: RunFolders, max_record_bytes: int, resize: Resize | None
    ) -> None:
        self._driver = os.getpid()
        self._gate = gate
        self._folders = folders
        self._max_record_bytes = max_record_bytes
        self._resize = resize
        self._transform: BatchTransform | None = None
        self._read = Metrics.counter(NAMESPACE, "read")
        self._written = Metrics.counter(NAMESPACE, "written")
        self._quarantined = Metrics.counter(NAMESPACE, "quarantined")

    def setup(self) -> None:
        die_with(self._driver)
        one_thread_an_op(self._driver)
        with (
            beating(self._folders.at_work),
            local_copy(self._folders.transform_graph) as graph,
        ):
            self._transform = BatchTransform(
                graph, self._gate.image_features, self._gate.passthrough
            )
            self._transform.check_canary()

    def teardown(self) -> None:
        self._transform = None

    def process(self, task: ShardTask) -> Iterator[ShardResult]:
        progress = ShardProgress(self._folders.progress, task)
        with beating(self._folders.at_work), _ShardWriter(task, self._folders) as writer:
            for results in self._results(self._admitted(task, writer)):
                for transformed in results:
                    raise_if_interrupted()
                    writer.put(transformed)
                raise_if_given_up(self._folders.at_work)
                progress.note(writer.read, writer.bad, writer.bytes_read)
            raise_if_given_up(self._folders.at_work)
        result = writer.result
        progress.note(result.read, result.quarantined, task.size, done=True)
        self._read.inc(result.read)
        self._written.inc(result.written)
        self._quarantined.inc(result.quarantined)
        for reason, count in result.reasons.items():
            Metrics.counter(NAMESPACE, f"quarantined_{reason}").inc(count)
        yield result

    def _admitted(self, task: ShardTask, writer: _ShardWriter) -> Iterator[Admitted]:
        """Yields the records that may be decoded; the others go to the quarantine at once."""
        with FileSystems.open(task.path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            for item in read_tfrecord(file, task.path, max_record_bytes=self._max_record_bytes):
                writer.bytes_read = file.tell()
                if isinstance(item, Record):
                    writer.read += 1
                    checked = self._gate.check(item)
                    if isinstance(checked, Admitted):
                        yield checked
                    else:
                        writer.put(checked)
                else:
                    writer.read += not item.reason.is_file_fault
                    writer.put(item)

    def _pixels_in_work(self, one: Admitted) -> int:
        return pixels_in_work(one.pixels, self._resize)

    def _results(self, admitted: Iterable[Admitted]) -> Iterator[list[bytes | Quarantined]]:
        """Transforms batch by batch, in order, keeping TensorFlow busy meanwhile."""
        assert self._transform is not None
        pending: deque[tuple[int, Future[list[bytes | Quarantined]]]] = deque()
        with ThreadPoolExecutor(BATCHES_IN_FLIGHT) as pool:
            try:
                for batch in batches_by_pixels(admitted, self._pixels_in_work):
                    pixels = sum(map(self._pixels_in_work, batch))
                    while pending and (
                        len(pending) == BATCHES_IN_FLIGHT
                        or pixels + sum(p for p, _ in pending) > MAX_PIXELS_IN_FLIGHT
                    ):
                        yield pending.popleft()[1].result()
                    pending.append((pixels, pool.submit(self._transform, batch)))
                while pending:
                    yield pending.popleft()[1].result()
            finally:
                pool.shutdown(cancel_futures=True)


class _ShardWriter:
    """Writes one shard and its quarantine, and keeps its books.

    The files carry names of their own until they are whole. Another attempt at the same shard
    can't meet them, and the last step of each attempt makes the same files.
    """

    def __init__(self, task: ShardTask, folders: RunFolders) -> None:
        self._task = task
        self._folders = folders
        self._name = folders.shard_name(task)
        stem = self._name.rsplit(".", 1)[0]
        self._examples = f"{folders.examples}/Split-{task.split}/{self._name}"
        self._quarantine = f"{folders.quarantine}/Split-{task.split}/{stem}.tfrecord"
        self._part = f"{PART_SUFFIX}{uuid.uuid4().hex[:12]}"
        self._files: dict[str, BinaryIO] = {}
        self._closing = ExitStack()
        self._reasons: Counter[str] = Counter()
        self._file_faults: list[str] = []
        self._written = 0
        self._bytes = 0
        self.bad = 0
        self.read = 0
        self.bytes_read = 0

    def __enter__(self) -> _ShardWriter:
        self._open(self._examples)
        return self

    def put(self, result: bytes | Quarantined) -> None:
        """Writes one output Example, or one record to the quarantine."""
        if isinstance(result, bytes):
            framed = frame_record(result)
            self._open(self._examples).write(framed)
            self._written += 1
            self._bytes += len(framed)
            return
        self._reasons[result.reason.value] += 1
        if result.reason.is_file_fault:
            self._file_faults.append(result.reason.value)
        else:
            self.bad += 1
        self._open(self._quarantine).write(frame_record(quarantine_example(result)))

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._closing.close()
        if kind is not None:
            FileSystems.delete([path + self._part for path in self._files])
            return
        result = self.result
        if result.read != result.written + result.quarantined:
            raise RunError(
                f"{self._task.path}: {result.read} records read, but {result.written} written and "
                f"{result.quarantined} quarantined. This is a defect of pixelbake."
            )
        FileSystems.rename([path + self._part for path in self._files], list(self._files))
        if self._folders.results:
            write_bytes(
                self._folders.result_path(self._task), (result.model_dump_json() + "\n").encode()
            )

    @property
    def result(self) -> ShardResult:
        """The shard's books as they stand."""
        return ShardResult(
            split=self._task.split,
            index=self._task.index,
            input=self._task.path,
            output=self._name,
            read=self.read,
            written=self._written,
            quarantined=self.bad,
            reasons=dict(sorted(self._reasons.items())),
            file_faults=tuple(self._file_faults),
            bytes_written=self._bytes,
        )

    def _open(self, path: str) -> BinaryIO:
        if path not in self._files:
            file = FileSystems.create(
                path + self._part, compression_type=CompressionTypes.UNCOMPRESSED
            )
            self._closing.callback(file.close)
            if path.endswith(".gz"):
                file = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=0, mtime=0)
                self._closing.callback(file.close)
            self._files[path] = file
        return self._files[path]
