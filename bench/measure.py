"""All contenders in turn, round after round, each in its own warm process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.case import Case
from bench.warm_process import WarmProcess

__all__ = ["Entry", "Sources", "measure_rounds", "started"]


@dataclass(frozen=True)
class Entry:
    """One line-up entry.

    Attributes:
        contender: One of `CONTENDERS`.
        case: What it is to do.
    """

    contender: str
    case: Case

    @property
    def name(self) -> str:
        """The contender's name, with what its case has of its own."""
        encoding = "" if self.case.encoding == "jpeg" else f"_{self.case.encoding}"
        return (
            self.contender
            + encoding
            + ("" if self.case.reducing_gap is None else f"_gap_{self.case.reducing_gap:g}")
        )


@dataclass(frozen=True)
class Sources:
    """A data set in two sizes.

    Attributes:
        full: Folder of TFRecords.
        tiny: Folder of a few images, whose time is the cost of starting.
        images: Number of images in `full`.
        tiny_images: Number of images in `tiny`.
    """

    full: Path
    tiny: Path
    images: int
    tiny_images: int


def started(entries: list[Entry], work: Path) -> dict[str, WarmProcess]:
    """Starts a process for each entry, by name."""
    processes = {
        entry.name: WarmProcess(entry.contender, entry.case, work / f"{entry.name}.log")
        for entry in entries
    }
    for process in processes.values():
        process.wait_until_ready()
    return processes


def measure_rounds(
    processes: Mapping[str, WarmProcess], sources: Sources, rounds: int, work: Path
) -> list[dict[str, Any]]:
    """Lets the contenders run in turn, so that what else the machine does falls on all of them.

    Args:
        processes: The contenders, warm.
        sources: What they transform.
        rounds: How often.
        work: Folder for their output, which is removed.

    Returns:
        Per round, by name: the answers of the tiny and the full run.
    """
    names = list(processes)
    raw = []
    for number in range(rounds):
        # Each has another one before it every time, and so no one suffers twice from the same.
        order = names[number % len(names) :] + names[: number % len(names)]
        if number % 2:
            order.reverse()
        this = {}
        for name in order:
            out = work / f"out-{name}"
            this[name] = {
                "tiny": processes[name].run(sources.tiny, out),
                "full": processes[name].run(sources.full, out),
            }
            print(f"  round {number + 1}/{rounds} {name}: {this[name]['full']['seconds']:.1f} s")
        raw.append(this)
    return raw
