"""From raw rounds to figures: medians, ratios, spreads."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.measure import Sources

__all__ = ["per_contender", "ratio"]

Rounds = list[dict[str, Any]]


def per_contender(raw: Rounds, sources: Sources) -> dict[str, dict[str, float]]:
    """Returns each contender's medians over the rounds.

    Start-up is the time of the tiny run, and is taken off the full run's: what remains is the
    steady state of the images that the full run has more.
    """
    return {
        name: {
            "images_per_second": 1.0 / median(_steady(raw, sources, name, "seconds")),
            "images_per_core_second": 1.0 / median(_steady(raw, sources, name, "cpu_seconds")),
            "start_up_seconds": median(one[name]["tiny"]["seconds"] for one in raw),
            "bytes_per_image": raw[-1][name]["full"]["bytes_written"] / sources.images,
            "peak_rss_gib": max(one[name]["full"]["peak_rss_bytes"] for one in raw) / 2**30,
        }
        for name in raw[0]
    }


def ratio(
    raw: Rounds, sources: Sources, ours: str, theirs: str, of: str = "seconds"
) -> dict[str, float]:
    """Compares two contenders round by round.

    Args:
        raw: The rounds.
        sources: What was transformed.
        ours: The contender that should have the higher throughput.
        theirs: The other one.
        of: `"seconds"`, or `"cpu_seconds"`, which other work on the machine disturbs less.

    Returns:
        `median`, `low` and `high` over the rounds of our throughput over theirs.
    """
    pairs = zip(_steady(raw, sources, ours, of), _steady(raw, sources, theirs, of), strict=True)
    ratios = [their_time / our_time for our_time, their_time in pairs]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}


def _steady(raw: Rounds, sources: Sources, name: str, of: str) -> list[float]:
    """Returns the time per image of each round, without the start.

    The start is the same in every round, and its median is less noisy than any one of it.
    """
    start = median(one[name]["tiny"][of] for one in raw)
    more = sources.images - sources.tiny_images
    # A run that is lost in the noise of its start must not become negative or infinite.
    return [max(one[name]["full"][of] - start, 1e-6) / more for one in raw]
