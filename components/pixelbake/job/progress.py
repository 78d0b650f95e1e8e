"""How far a run is, while it runs.

Beam's metrics come only when a local pipeline has ended. So each shard's worker, in this process or
another on this file system, rewrites a small file about twice a second, and the driver adds up.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pixelbake.job.shards import ShardTask

__all__ = ["OnProgress", "Progress", "ShardProgress", "watch"]

PROGRESS_DIR = "progress"
_NOTE_SECONDS = 0.5
_WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a run is. Shards that an interrupted run had finished are not counted.

    Attributes:
        records: Records read.
        quarantined: How many of them were quarantined.
        bytes_read: Bytes of input files read.
        bytes_total: Bytes that the input files have. (How many records they hold is not known
            before they are read.)
        splits: The splits that are being worked on.
        seconds: Since the pipeline was started.
        fitting: The layer that is fitted on these splits, before any record is transformed; `""`
            when they are.
    """

    records: int
    quarantined: int
    bytes_read: int
    bytes_total: int
    splits: tuple[str, ...]
    seconds: float
    fitting: str = ""

    @property
    def fraction(self) -> float:
        """Which part of the input was read, 0 to 1."""
        return min(1.0, self.bytes_read / self.bytes_total) if self.bytes_total else 1.0

    @property
    def images_per_second(self) -> float:
        """On average, since the pipeline was started."""
        return self.records / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None as long as nothing was read."""
        return self.seconds * (1 / self.fraction - 1) if self.fraction and self.seconds else None


OnProgress = Callable[[Progress], None]


class ShardProgress:
    """A worker's note of how far a shard is.

    Args:
        folder: A local folder, the same for all workers; or `""` to note nothing.
        task: The shard.
    """

    def __init__(self, folder: str, task: ShardTask) -> None:
        self._path = f"{folder}/{task.split}-{task.index}" if folder else ""
        self._next = 0.0

    def note(self, records: int, quarantined: int, bytes_read: int, done: bool = False) -> None:
        """Notes the counts so far; called after every batch, it writes twice a second at most.

        Args:
            records: Records of the shard that were read.
            quarantined: How many of them were quarantined.
            bytes_read: Bytes of its file that were read.
            done: Whether these are the last.
        """
        if not self._path or (not done and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + _NOTE_SECONDS
        part = f"{self._path}.{os.getpid()}-{threading.get_ident()}"
        with suppress(OSError):  # a disk that is full is for the shard itself to find
            Path(part).write_text(json.dumps([records, quarantined, bytes_read, done]))
            os.replace(part, f"{self._path}.json")


@contextmanager
def watch(folder: str, tasks: Sequence[ShardTask], tell: OnProgress | None) -> Iterator[None]:
    """Calls `tell` twice a second from a thread of its own, and once at the end.

    Args:
        folder: Where the workers note how far they are; made here, and removed at the end.
        tasks: The shards that are to be transformed.
        tell: Whom to tell, or None.
    """
    if tell is None:
        yield
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    notes = _Notes(folder, tasks)
    over = threading.Event()

    def watching() -> None:
        while not over.wait(_WATCH_SECONDS):
            tell(notes.read())

    thread = threading.Thread(target=watching, name="watch-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        last = notes.read()
        shutil.rmtree(folder, ignore_errors=True)
    tell(last)


class _Notes:
    """What the workers have noted so far."""

    def __init__(self, folder: str, tasks: Sequence[ShardTask]) -> None:
        self._folder = folder
        self._tasks = {f"{task.split}-{task.index}.json": task for task in tasks}
        self._latest: dict[str, tuple[int, int, int, bool]] = {}
        self._began = time.monotonic()

    def read(self) -> Progress:
        for name in os.listdir(self._folder):
            # A shard that is done says nothing new: thousands of them must cost nothing.
            if name in self._tasks and not self._latest.get(name, (0, 0, 0, False))[3]:
                with suppress(OSError):
                    records, bad, read, done = json.loads(Path(self._folder, name).read_text())
                    self._latest[name] = (records, bad, read, done)
        return Progress(
            records=sum(note[0] for note in self._latest.values()),
            quarantined=sum(note[1] for note in self._latest.values()),
            bytes_read=sum(note[2] for note in self._latest.values()),
            bytes_total=sum(task.size for task in self._tasks.values()),
            splits=tuple(
                dict.fromkeys(
                    task.split
                    for name, task in self._tasks.items()
                    if not self._latest.get(name, (0, 0, 0, True))[3]
                )
            ),
            seconds=time.monotonic() - self._began,
        )
