"""Counts the levels of the images of one shard after the other, for layers that are fitted."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np

from pixelbake.files import open_bytes, read_bytes, write_bytes
from pixelbake.intake.tfrecord import Record, read_tfrecord
from pixelbake.job.batch_transform import DATA_ERRORS
from pixelbake.job.batching import batches_by_pixels
from pixelbake.job.config import Limits
from pixelbake.job.counters import ShardCounters
from pixelbake.job.heartbeat import beating, raise_if_given_up
from pixelbake.job.interruption import die_with, raise_if_interrupted
from pixelbake.job.progress import ShardProgress
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.job.shards import ShardResult, ShardTask
from pixelbake.job.worker_threads import one_thread_an_op
from pixelbake.level_counting import LevelCounting
from pixelbake.recipe.level_histogram import LevelHistogram

__all__ = ["FILE_PREFIX", "CountShard", "LevelCount"]

FILE_PREFIX = "file-"


@dataclass(frozen=True)
class LevelCount:
    """What was counted over some records.

    Attributes:
        levels: The levels of the images that could be read.
        images: How many these are.
        skipped: Records that could not be used; the transforming pass quarantines them.
    """

    levels: LevelHistogram
    images: int = 0
    skipped: int = 0

    def __add__(self, other: LevelCount) -> LevelCount:
        return LevelCount(
            self.levels + other.levels, self.images + other.images, self.skipped + other.skipped
        )

    def to_bytes(self) -> bytes:
        """Returns it as an `.npz` file without pickled objects."""
        file = io.BytesIO()
        books = np.array([self.images, self.skipped])
        np.savez_compressed(file, counts=self.levels.counts, books=books, white=self.levels.white)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> LevelCount:
        """Reads what `to_bytes` made."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            levels = LevelHistogram(file["counts"], float(file["white"]))
            images, skipped = (int(n) for n in file["books"])
        return cls(levels, images, skipped)


class CountShard(beam.DoFn):
    """Counts one shard at a time, or takes what was counted before.

    Args:
        counting: Which levels.
        gate: Lets in the records that the transforming pass would.
        folder: Where the counts of each file go.
        limits: How large records may be.
        basis: What the counts depend on, beside the file.
        at_work: See `RunFolders`.
        progress: See `RunFolders`.
    """

    def __init__(
        self,
        counting: LevelCounting,
        gate: RecordGate,
        folder: str,
        limits: Limits,
        basis: Mapping[str, Any],
        at_work: str = "",
        progress: str = "",
    ) -> None:
        self.at_work = at_work
        self.progress = progress
        self._driver = os.getpid()
        self._counting = counting
        self._gate = gate
        self._folder = folder
        self._max_record_bytes = limits.max_record_bytes
        self._basis = dict(basis)
        self._count: Callable[[Sequence[tuple[bytes, ...]]], LevelHistogram] | None = None

    def path_of(self, task: ShardTask) -> str:
        """Returns where a file's counts go: another name for each thing that they depend on."""
        key = [self._basis, task.path, task.size, task.modified]
        return f"{self._folder}/{FILE_PREFIX}{_digest(key)}.npz"

    def total_of(self, tasks: Sequence[ShardTask]) -> str:
        """Returns where the sum of several files' counts goes."""
        return f"{self._folder}/total-{_digest([self.path_of(task) for task in tasks])}.npz"

    def setup(self) -> None:
        """Traces the layers before the fitted one."""
        die_with(self._driver)
        one_thread_an_op(self._driver)
        with beating(self.at_work):
            self._count = self._counting.traced()

    def teardown(self) -> None:
        """Lets go of them."""
        self._count = None

    def process(self, task: ShardTask) -> Iterator[bytes]:
        """Yields a file's `LevelCount` as bytes."""
        path = self.path_of(task)
        watched = _Watched(self.progress, task)
        with beating(self.at_work):
            data = read_bytes(path)
            if data is None:
                counted = self._counted(task, watched)
                data = counted.to_bytes()
                write_bytes(path, data)
                watched.note(counted, task.size, done=True)
            else:
                watched.note(LevelCount(self._counting.nothing), task.size, done=True)
        yield data

    def _counted(self, task: ShardTask, watched: _Watched) -> LevelCount:
        total = LevelCount(self._counting.nothing)
        refused = 0

        def admitted(file: Any) -> Iterator[Admitted]:
            nonlocal refused
            for item in read_tfrecord(file, task.path, max_record_bytes=self._max_record_bytes):
                checked = self._gate.check(item) if isinstance(item, Record) else item
                if isinstance(checked, Admitted):
                    yield checked
                else:
                    refused += not checked.reason.is_file_fault

        with open_bytes(task.path) as file:
            for batch in batches_by_pixels(admitted(file), lambda one: one.pixels):
                raise_if_interrupted()
                raise_if_given_up(self.at_work)
                total += self._of_batch(batch)
                watched.note(replace(total, skipped=total.skipped + refused), file.tell())
        return replace(total, skipped=total.skipped + refused)

    def _of_batch(self, batch: Sequence[Admitted]) -> LevelCount:
        """Counts a batch; one bad record costs only itself."""
        assert self._count is not None
        try:
            return LevelCount(self._count([one.images for one in batch]), len(batch))
        except DATA_ERRORS:
            if len(batch) == 1:
                return LevelCount(self._counting.nothing, skipped=1)
            parts = [self._of_batch([one]) for one in batch]
            return sum(parts[1:], parts[0])


class _Watched:
    """Tells whoever watches how far a shard is, by notes and by metrics."""

    def __init__(self, folder: str, task: ShardTask) -> None:
        self._task = task
        self._notes = ShardProgress(folder, task)
        self._counters = ShardCounters()

    def note(self, counted: LevelCount, bytes_read: int, done: bool = False) -> None:
        read = counted.images + counted.skipped
        self._notes.note(read, counted.skipped, bytes_read, done)
        books = ShardResult(
            split=self._task.split,
            index=self._task.index,
            input=self._task.path,
            output="",
            read=read,
            written=0,
            quarantined=counted.skipped,
        )
        self._counters.note(books, bytes_read)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
