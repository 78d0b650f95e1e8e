"""Workers note that they have work in hand, so that whoever waits for them knows when to give up.

Beam's job services wait for ever for a worker that was killed or never came, and tell nobody. What
a worker notes here comes from a thread beside its work: a slow image or a large shard beats like
any other. The folder is the run's own and is removed with it, by which workers see that a run was
given up.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelbake.errors import RunError
from pixelbake.files import files_below, is_remote, read_text, write_bytes

__all__ = ["BEAT_SECONDS", "Heartbeats", "beating", "raise_if_given_up"]

_LOGGER = logging.getLogger(__name__)

BEAT_SECONDS = 5.0

#: When this process has last beaten in a folder.
_last: dict[str, float] = {}
_lock = threading.Lock()


@contextmanager
def beating(folder: str) -> Iterator[None]:
    """Notes every few seconds that this process has work in hand, as long as it has.

    Args:
        folder: Where, on any file system; `""` to note nothing.

    Raises:
        RunError: The run was given up.
    """
    if not folder:
        yield
        return
    raise_if_given_up(folder)
    over = threading.Event()

    def beat() -> None:
        while True:
            _beat(folder)
            if over.wait(BEAT_SECONDS):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def raise_if_given_up(folder: str) -> None:
    """Called by workers between two batches, and before a shard gets its name.

    A job service may go on with a job that was cancelled, and the next run makes its files under
    the same names.

    Args:
        folder: The folder of `beating`, or `""`. (On an object store each run's files have names of
            their own: there is nothing to be protected.)

    Raises:
        RunError: The folder is no more.
    """
    if folder and not is_remote(folder) and not os.path.isdir(folder):
        raise RunError("the run was given up while this worker was at work.")


def _beat(folder: str) -> None:
    now = time.monotonic()
    with _lock:  # thousands of small shards must not write thousands of files
        if now < _last.get(folder, -BEAT_SECONDS) + BEAT_SECONDS:
            return
        _last[folder] = now
    path = f"{folder}/{socket.gethostname()}-{os.getpid()}"
    try:
        if is_remote(folder):
            write_bytes(path, f"{now}".encode())
        else:  # Beam would make the folder anew
            Path(path).write_text(f"{now}")
    except Exception as error:  # a disk that is full is for the shard itself to find
        _LOGGER.debug("no heartbeat: %s", error)


class Heartbeats:
    """What workers note, seen from where they are waited for.

    Args:
        folder: The folder of `beating`.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: dict[str, str | None] = {}

    def any_new(self) -> bool:
        """Whether a worker has beaten since the last call. Clocks of other machines don't count."""
        now = {path: read_text(path) for path in self._paths()}
        before, self._seen = self._seen, now
        return any(before.get(path) != text for path, text in now.items())

    def _paths(self) -> list[str]:
        if is_remote(self._folder):
            return files_below(self._folder)
        return [f"{self._folder}/{name}" for name in os.listdir(self._folder)]
