"""Beam's metrics of a job: what its workers count, and how far a run is by what they have counted.

Every runner gathers them from its workers and shows them by their names, under the namespace
`pixelbake`. The books are not kept by them: a shard that a runner tries again may count twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from apache_beam.metrics import Metrics, MetricsFilter

from pixelbake.job.progress import OnProgress, Progress
from pixelbake.job.shards import ShardResult

__all__ = ["NAMESPACE", "ShardCounters", "count_planned", "watch_metrics"]

_LOGGER = logging.getLogger(__name__)

NAMESPACE = "pixelbake"

#: Between two looks: for some runners each is a request to a service.
LOOK_SECONDS = 5.0

_PLANNED = "bytes_planned"
_COUNTED = {
    name: Metrics.counter(NAMESPACE, name)
    for name in ("read", "written", "quarantined", "bytes_read", "bytes_written")
}
_IMAGES_PER_SHARD = Metrics.distribution(NAMESPACE, "images_per_shard")


def count_planned(size: int) -> None:
    """Counts bytes of input files that are to be read."""
    Metrics.counter(NAMESPACE, _PLANNED).inc(size)


class ShardCounters:
    """Counts one shard while it is in work. Outside of a Beam worker it counts nothing."""

    def __init__(self) -> None:
        self._before = dict.fromkeys(_COUNTED, 0)

    def note(self, books: ShardResult, bytes_read: int) -> None:
        """Counts what is new; called after every batch.

        Args:
            books: The shard's books so far.
            bytes_read: Bytes of the input file that were read so far.
        """
        for name, counter in _COUNTED.items():
            total = bytes_read if name == "bytes_read" else getattr(books, name)
            if total > self._before[name]:
                counter.inc(total - self._before[name])
                self._before[name] = total

    def close(self, result: ShardResult, size: int) -> None:
        """Counts the rest, when the shard has its name.

        Args:
            result: The shard's books.
            size: The input file's size in bytes.
        """
        self.note(result, size)
        for reason, count in result.reasons.items():
            Metrics.counter(NAMESPACE, f"quarantined_{reason}").inc(count)
        _IMAGES_PER_SHARD.update(result.written)


@contextmanager
def watch_metrics(result_of: Callable[[], Any], tell: OnProgress | None) -> Iterator[None]:
    """Calls `tell` every few seconds from a thread of its own, and once at the end.

    Nothing is told as long as the runner does not answer; some answer only at the end, or never.

    Args:
        result_of: Returns Beam's `PipelineResult`, or None before the job was started.
        tell: Whom to tell, or None.
    """
    if tell is None:
        yield
        return
    over = threading.Event()
    began = time.monotonic()

    def look() -> None:
        found = _progress(result_of(), began)
        if found is not None:
            tell(found)

    def watching() -> None:
        while not over.wait(LOOK_SECONDS):
            look()

    thread = threading.Thread(target=watching, name="watch-metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LOOK_SECONDS)  # a service that does not answer is not waited for
    look()


def _progress(result: Any, began: float) -> Progress | None:
    """Returns how far a run is, or None where the runner does not say."""
    try:
        if result is None:
            return None
        if getattr(result, "_job_service", None) is not None:
            result._metrics = None  # Beam's portable runner would give its first answer again
        counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    except Exception as error:  # a runner without metrics is as good as any
        _LOGGER.debug("no metrics: %s", error)
        return None
    totals: dict[str, int] = {}
    for one in counters:  # each step has its own
        name = one.key.metric.name
        totals[name] = totals.get(name, 0) + int(one.result or 0)
    if not totals.get("read") or not totals.get(_PLANNED):
        return None
    return Progress(
        records=totals["read"],
        quarantined=totals.get("quarantined", 0),
        bytes_read=totals.get("bytes_read", 0),
        bytes_total=totals[_PLANNED],
        splits=(),
        seconds=time.monotonic() - began,
    )
