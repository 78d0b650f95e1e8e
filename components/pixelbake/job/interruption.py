"""Ends a run's workers with the run: on a signal, and when the driver has died.

Threads that go on writing after a run has been given up would fill the staging folder while it is
being removed; worker processes that outlive a killed driver would go on until morning.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

__all__ = ["die_with", "interruptible", "raise_if_interrupted"]

_POLL_SECONDS = 0.5


class _GivenUp:
    """Whether, and by which signal, the run was given up; 0 for not."""

    by = 0


_watching: set[int] = set()


@contextmanager
def interruptible() -> Iterator[None]:
    """Turns SIGINT and SIGTERM into `KeyboardInterrupt` and `SystemExit(143)`, workers included.

    For the main thread of a program. A second signal ends the process at once; what it leaves
    behind is removed, or taken up, by the next run.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if _GivenUp.by:
            os._exit(128 + number)
        _GivenUp.by = number
        _end_children()
        raise_if_interrupted()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _GivenUp.by = 0


def raise_if_interrupted() -> None:
    """Called by workers between two batches, and by the driver when the pipeline has failed.

    (Beam turns whatever ends a worker in this process into a RuntimeError.)

    Raises:
        KeyboardInterrupt: The run was given up by SIGINT.
        SystemExit: It was given up by SIGTERM; with the code 143.
    """
    if _GivenUp.by == signal.SIGINT:
        raise KeyboardInterrupt
    if _GivenUp.by:
        raise SystemExit(128 + _GivenUp.by)


def die_with(driver: int) -> None:
    """Called by workers: ends this process when the driver that started it has died.

    Args:
        driver: The driver's process ID. Nothing is done unless it is an ancestor of this process:
            workers of a cluster, and those that run in the driver itself, are not its to end.
    """
    if driver in _watching or driver not in _ancestors(os.getpid()):
        return
    _watching.add(driver)

    def watch() -> None:
        while Path(f"/proc/{driver}").exists():
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="die-with-driver", daemon=True).start()


def _ancestors(process: int) -> set[int]:
    found: set[int] = set()
    while process > 1:
        try:
            # The second field, a name in parentheses, may hold anything; the parent comes after.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            break
        process = int(fields[1])
        found.add(process)
    return found


def _end_children() -> None:
    """Kills worker processes, so that they write nothing more."""
    me = os.getpid()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and me in _ancestors(int(entry.name)):
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
