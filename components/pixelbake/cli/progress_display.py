"""Shows how far a run is: a live bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pixelbake.job.progress import OnProgress, Progress

__all__ = ["display_progress", "progress_line"]

#: Between two lines in a log.
LINE_SECONDS = 5.0


@contextmanager
def display_progress() -> Iterator[OnProgress]:
    """Gives what `run_job` calls; writes to stderr, so that stdout can be piped."""
    if sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _Lines()


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() >= self._next and progress.records:
            self._next = time.monotonic() + LINE_SECONDS
            click.echo(f"pixelbake: {progress_line(progress)}", err=True)


def progress_line(progress: Progress) -> str:
    """Returns a progress as one line: `train: 12,800 records, 1,310 images/s, ...`."""
    parts = [
        f"{progress.records:,} records",
        f"{progress.images_per_second:,.0f} images/s",
        f"{progress.quarantined:,} quarantined",
        f"{progress.fraction:.0%} of the input",
    ]
    if progress.seconds_left is not None:
        parts.append(f"{_duration(progress.seconds_left)} left")
    line = ", ".join(parts)
    what = _what(progress, " and ")
    return f"{what}: {line}" if what else line


def _what(progress: Progress, between: str) -> str:
    """Returns what is being worked on."""
    splits = between.join(progress.splits)
    if not progress.fitting:
        return splits
    return f"fitting {progress.fitting} on {splits}" if splits else f"fitting {progress.fitting}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


@contextmanager
def _bar() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}", style="bold"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    with Bar(*columns, console=Console(file=sys.stderr), expand=True) as bar:
        task = bar.add_task("starting", total=None, counts="", start=False)

        def tell(progress: Progress) -> None:
            if progress.records:
                bar.start_task(task)
                bar.update(
                    task,
                    total=1.0,
                    completed=progress.fraction,
                    description=_what(progress, " + ") or "transformed",
                    counts=_counts(progress),
                )

        yield tell


def _counts(progress: Progress) -> str:
    quarantined = f"{progress.quarantined:,} quarantined"
    parts = [
        f"{progress.records:,} records",
        f"{progress.images_per_second:,.0f} images/s",
        f"[red]{quarantined}[/]" if progress.quarantined else quarantined,
    ]
    if progress.seconds_left:
        parts.append(f"{_duration(progress.seconds_left)} left")
    return " · ".join(parts)
