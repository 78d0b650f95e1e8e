"""CPU time and peak memory of this process and the live processes under it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cpu_seconds", "peak_rss_bytes"]

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """Returns user and system time so far. `getrusage` sees children only once they have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime
    for process in _children(Path("/proc/self")):
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total


def peak_rss_bytes() -> int:
    """Returns the peak so far, summed over processes (pages they share count for each)."""
    total = 0
    for process in (Path("/proc/self"), *_children(Path("/proc/self"))):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1]) * 1024
    return total


def _children(process: Path) -> Iterator[Path]:
    for task in (process / "task").iterdir():
        for child in (task / "children").read_text().split():
            path = Path("/proc") / child
            yield path
            yield from _children(path)
