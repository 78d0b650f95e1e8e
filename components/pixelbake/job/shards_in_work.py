"""Shards being read, transformed and written, the next begun while the last is not yet done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import Record, read_tfrecord
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.batching import MAX_BATCH_PIXELS, batches_by_pixels, pixels_in_work
from pixelbake.job.counters import ShardCounters
from pixelbake.job.heartbeat import beating, raise_if_given_up
from pixelbake.job.interruption import raise_if_interrupted
from pixelbake.job.progress import ShardProgress
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shard_writer import ShardWriter
from pixelbake.job.shards import ShardResult, ShardTask
from pixelbake.plain.parts import Resize

__all__ = ["ShardsInWork"]

#: TensorFlow transforms two; a third is read and gated meanwhile, so that it never waits for one.
BATCHES_AT_ONCE = 2
BATCHES_IN_FLIGHT = 1 + BATCHES_AT_ONCE
#: Two full batches; an image with more pixels than this is in work alone.
MAX_PIXELS_AT_ONCE = 2 * MAX_BATCH_PIXELS
#: Each holds files open. More than one: else TensorFlow would wait at every shard's end, which
#: costs a quarter of the time where a shard is four photographs.
MAX_OPEN_SHARDS = 4


class ShardsInWork:
    """Transforms shards in the order they come, in bounded memory.

    Args:
        gate: Decides which records are transformed.
        transform: What transforms them.
        folders: Where the shards go.
        max_record_bytes: Longer records are taken for damage.
        resize: What images are brought to before the layers see them.
    """

    def __init__(
        self,
        gate: RecordGate,
        transform: BatchTransform,
        folders: RunFolders,
        max_record_bytes: int,
        resize: Resize | None,
    ) -> None:
        self._gate = gate
        self._transform = transform
        self._folders = folders
        self._max_record_bytes = max_record_bytes
        self._resize = resize
        self._pool = ThreadPoolExecutor(BATCHES_AT_ONCE)
        self._open: list[_OpenShard] = []
        self._pending: deque[_Step] = deque()

    def add(self, task: ShardTask) -> Iterator[ShardResult]:
        """Reads a shard to its end; its last batches may then still be in work.

        Yields:
            The results of shards that are done, of this one or earlier ones.
        """
        with self._undone_on_error():
            shard = _OpenShard(task, self._folders)
            self._open.append(shard)
            admitted = shard.admitted(self._gate, self._max_record_bytes)
            for batch in batches_by_pixels(admitted, self._pixels_in_work):
                pixels = sum(map(self._pixels_in_work, batch))
                yield from self._settle(partial(self._has_room_for, pixels))
                future = self._pool.submit(self._transform, batch)
                self._pending.append(_Step(shard, pixels, future))
            self._pending.append(_Step(shard, 0, None))
            yield from self._settle(lambda: len(self._open) < MAX_OPEN_SHARDS)

    def finish(self) -> Iterator[ShardResult]:
        """Waits for what is still in work.

        Yields:
            The results of all shards that `add` has not yielded.
        """
        with self._undone_on_error():
            yield from self._settle(lambda: False)
            self._pool.shutdown()

    def _pixels_in_work(self, one: Admitted) -> int:
        return pixels_in_work(one.pixels, self._resize)

    def _has_room_for(self, pixels: int) -> bool:
        in_flight = [step.pixels for step in self._pending if step.results is not None]
        return not in_flight or (
            len(in_flight) < BATCHES_IN_FLIGHT and pixels + max(in_flight) <= MAX_PIXELS_AT_ONCE
        )

    def _settle(self, enough: Callable[[], bool]) -> Iterator[ShardResult]:
        """Takes the oldest steps until it is enough, and closes shards that have no more."""
        while self._pending and (self._pending[0].results is None or not enough()):
            shard, _, results = self._pending.popleft()
            if results is not None:
                shard.take(results.result())
            else:
                result = shard.close()
                self._open.remove(shard)
                yield result

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._pool.shutdown(cancel_futures=True)
            for shard in self._open:
                shard.undo(error)
            raise


class _Step(NamedTuple):
    """A batch of a shard, or the shard's end where there are no results."""

    shard: _OpenShard
    pixels: int
    results: Future[list[bytes | Quarantined]] | None


class _OpenShard:
    """A shard that is being read and written."""

    def __init__(self, task: ShardTask, folders: RunFolders) -> None:
        self._task = task
        self._at_work = folders.at_work
        self._progress = ShardProgress(folders.progress, task)
        self._counters = ShardCounters()
        with ExitStack() as stack:
            stack.enter_context(beating(folders.at_work))
            self._writer = stack.enter_context(ShardWriter(task, folders))
            self._closing = stack.pop_all()

    def admitted(self, gate: RecordGate, max_record_bytes: int) -> Iterator[Admitted]:
        """Yields the records that may be decoded; the others go to the quarantine at once."""
        path, writer = self._task.path, self._writer
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            for item in read_tfrecord(file, path, max_record_bytes=max_record_bytes):
                writer.bytes_read = file.tell()
                if isinstance(item, Record):
                    writer.read += 1
                    checked = gate.check(item)
                    if isinstance(checked, Admitted):
                        yield checked
                    else:
                        writer.put(checked)
                else:
                    writer.read += not item.reason.is_file_fault
                    writer.put(item)

    def take(self, results: list[bytes | Quarantined]) -> None:
        """Writes a transformed batch."""
        for transformed in results:
            raise_if_interrupted()
            self._writer.put(transformed)
        raise_if_given_up(self._at_work)
        writer = self._writer
        self._progress.note(writer.read, writer.bad, writer.bytes_read)
        self._counters.note(writer.result, writer.bytes_read)

    def close(self) -> ShardResult:
        """Gives the shard its name."""
        raise_if_given_up(self._at_work)
        self._closing.close()
        result = self._writer.result
        self._progress.note(result.read, result.quarantined, self._task.size, done=True)
        self._counters.close(result, self._task.size)
        return result

    def undo(self, error: BaseException) -> None:
        """Removes what was written so far."""
        self._closing.__exit__(type(error), error, error.__traceback__)
