"""A run's books: whether they balance, are within the limits, and what the manifest says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pixelbake.errors import BadRecordsError, RunError
from pixelbake.exact import not_exact
from pixelbake.job.config import Limits
from pixelbake.job.manifest import FittedLayer, Manifest, SplitCounts, library_versions
from pixelbake.job.shards import ShardResult, ShardTask
from pixelbake.recipe import Recipe

__all__ = ["books_of", "check_books", "fingerprint_of", "make_manifest", "plan_text"]


def check_books(
    results: Sequence[ShardResult], limits: Limits, expected: Mapping[str, int] | None = None
) -> None:
    """Fails a run whose data was worse than its limits allow.

    Args:
        results: The books of every input file.
        limits: How much may be wrong.
        expected: How many records a split must have, by split name.

    Raises:
        BadRecordsError: Names the limit, the count and the most frequent reason.
        RunError: A file's records are neither all written nor all quarantined.
    """
    for result in results:
        if result.read != result.written + result.quarantined:
            raise RunError(
                f"{result.input}: {result.read} read, {result.written} written, "
                f"{result.quarantined} quarantined."
            )
    damaged = [(r.input, r.file_faults[0]) for r in results if r.file_faults]
    if damaged and not limits.allow_damaged_files:
        path, reason = damaged[0]
        raise BadRecordsError(
            f"{len(damaged)} input files are damaged so that records are lost; the first is {path} "
            f"({reason}). Restore them, or set limits.allow_damaged_files to go on without."
        )
    for split, count in (expected or {}).items():
        read = SplitCounts.of(r for r in results if r.split == split).read
        if read != count:
            raise BadRecordsError(
                f"split {split!r} has {read} records; expected_records says {count}. A file may "
                "have been cut between two records."
            )
    total = SplitCounts.of(results)
    if limits.max_bad_records is not None and total.quarantined > limits.max_bad_records:
        raise BadRecordsError(
            f"{total.quarantined} of {total.read} records were quarantined "
            f"({_most_frequent(total)}); limits.max_bad_records is {limits.max_bad_records}."
        )
    for split in dict.fromkeys(r.split for r in results):
        counts = SplitCounts.of(r for r in results if r.split == split)
        if counts.quarantined > limits.max_bad_fraction * counts.read:
            raise BadRecordsError(
                f"split {split!r}: {counts.quarantined} of {counts.read} records were quarantined "
                f"({_most_frequent(counts)}); limits.max_bad_fraction is "
                f"{limits.max_bad_fraction:g}."
            )


def make_manifest(
    recipe: Recipe,
    tasks: Sequence[ShardTask],
    results: Sequence[ShardResult],
    fingerprint: str = "",
    fitted: Sequence[FittedLayer] = (),
) -> Manifest:
    """Puts together what a run read, did and wrote."""
    return Manifest(
        fingerprint=fingerprint,
        recipe=recipe,
        recipe_hash=recipe.hash,
        fitted=tuple(fitted),
        not_exact=not_exact(recipe),
        **books_of(tasks, results),
    )


def books_of(tasks: Sequence[ShardTask], results: Sequence[ShardResult]) -> dict[str, Any]:
    """Returns the attributes of a `Manifest` that follow from the files alone, by name."""
    splits = list(dict.fromkeys(task.split for task in tasks))
    return {
        "versions": library_versions(),
        "inputs": {s: {t.path: t.size for t in tasks if t.split == s} for s in splits},
        "splits": {s: SplitCounts.of(r for r in results if r.split == s) for s in splits},
        "shards": tuple(results),
    }


def plan_text(recipe_key: str, limits: Limits, tasks: Sequence[ShardTask]) -> str:
    """Returns everything that a shard's contents depend on, as text."""
    plan = {
        "recipe": recipe_key,
        "limits": limits.model_dump(mode="json"),
        "versions": library_versions(),
        "inputs": [[task.split, task.path, task.size, task.modified] for task in tasks],
    }
    return json.dumps(plan, sort_keys=True)


def fingerprint_of(plan: str, expected: Mapping[str, int]) -> str:
    """Returns a hash of all that the outcome of a run depends on.

    Args:
        plan: What `plan_text` returned.
        expected: How many records each split must have, by split name.
    """
    return hashlib.sha256(f"{plan}{json.dumps(expected, sort_keys=True)}".encode()).hexdigest()


def _most_frequent(counts: SplitCounts) -> str:
    return ", ".join(f"{n} {r}" for r, n in sorted(counts.reasons.items(), key=lambda p: -p[1])[:3])
