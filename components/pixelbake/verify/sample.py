"""Chooses records of a run, each with what went in and what came out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import tensorflow as tf

from pixelbake.errors import InputError, RunError
from pixelbake.files import open_bytes
from pixelbake.intake.tfrecord import Record, read_tfrecord
from pixelbake.job.manifest import EXAMPLES_DIR, Manifest, read_manifest
from pixelbake.job.quarantine import quarantined_records
from pixelbake.job.shards import ShardResult

__all__ = ["Materialised", "SampledRecord", "records_at", "sample_records"]


@dataclass(frozen=True)
class Materialised:
    """What a run made, and where its parts are.

    Attributes:
        manifest: Its manifest.
        examples: The folder that holds `Split-<name>` with the output shards.
        transform_graph: The folder of its transform graph.
        quarantine: What `read_quarantine` takes, or None where it is not at hand.
    """

    manifest: Manifest
    examples: str
    transform_graph: str
    quarantine: str | None

    @classmethod
    def of_run(cls, run: str) -> Materialised:
        """Opens the folder of a finished run.

        Raises:
            RunError: The run is not finished, or not one.
        """
        manifest = read_manifest(run)
        return cls(
            manifest=manifest,
            examples=f"{manifest.files(run)}/{EXAMPLES_DIR}",
            transform_graph=manifest.transform_graph(run),
            quarantine=run,
        )


@dataclass(frozen=True)
class SampledRecord:
    """One record, as it went in and as it came out.

    Attributes:
        split: Its split.
        file: Its input file.
        index: Its number in that file, from 0.
        offset: Where it starts there, in bytes of the unpacked file.
        raw: The raw Example.
        stored: The transformed Example.
    """

    split: str
    file: str
    index: int
    offset: int
    raw: bytes
    stored: bytes


def sample_records(run: Materialised, size: int) -> list[SampledRecord]:
    """Chooses records spread over all shards, the same each time.

    Every shard that has records gives at least one if `size` allows, and within a shard they are
    evenly spaced. Quarantined records have no counterpart and are stepped over.

    Args:
        run: The run.
        size: How many records to choose; all of them if there are not as many.

    Raises:
        InputError: An input file is gone or has changed; or a shard has quarantined records and
            the quarantine is not at hand.
        RunError: A record and its output don't belong together.
    """
    shards = run.manifest.shards
    chosen = []
    for shard, count in zip(shards, _quotas([s.written for s in shards], size), strict=True):
        places = [(2 * j + 1) * shard.written // (2 * count) for j in range(count)]
        chosen += list(records_at(run, shard, places))
    if not chosen:
        raise InputError("the run wrote no records, so that there is nothing to compare.")
    return chosen


def _quotas(written: Sequence[int], size: int) -> list[int]:
    """Says how many records to take of each shard."""
    holding = [i for i, count in enumerate(written) if count]
    size = min(size, sum(written))
    quotas = [0] * len(written)
    if len(holding) >= size:
        for k in range(size):
            quotas[holding[(2 * k + 1) * len(holding) // (2 * size)]] = 1
        return quotas
    rest, total, before = size - len(holding), sum(written) - len(holding), 0
    for i in holding:  # one each, the rest by the number of records
        after = before + written[i] - 1
        quotas[i] = 1 + rest * after // total - rest * before // total if total else 1
        before = after
    return quotas


def records_at(
    run: Materialised, shard: ShardResult, places: Collection[int]
) -> Iterator[SampledRecord]:
    """Yields records of one input file, each with what the run made of it.

    Args:
        run: The run.
        shard: The books of the file.
        places: Which, as numbers in the output shard: quarantined records have none.

    Raises:
        InputError: As `sample_records`.
        RunError: Likewise.
    """
    if not places:
        return
    output = f"{run.examples}/Split-{shard.split}/{shard.output}"
    raw = _taken(_good_records(run, shard), places)
    stored = _taken(_stored_records(output), places)
    found = 0
    for one, other in zip(raw, stored, strict=False):
        _check_belong_together(run.manifest, one, other)
        found += 1
        yield SampledRecord(shard.split, one.file, one.index, one.offset, one.data, other.data)
    if found < len(places):
        raise InputError(
            f"{shard.input} or {output} has fewer records than the run's books say "
            f"({shard.read} read, {shard.written} written): it has changed since the run."
        )


def _good_records(run: Materialised, shard: ShardResult) -> Iterator[Record]:
    """Yields the records of an input file that were not quarantined."""
    if shard.quarantined and run.quarantine is None:
        raise InputError(
            f"{shard.quarantined} records of {shard.input} were quarantined, and without the "
            "quarantine its records can't be told apart. Pass quarantine=."
        )
    bad = set() if run.quarantine is None else quarantined_records(run.quarantine, shard)
    try:
        with open_bytes(shard.input) as file:
            for item in read_tfrecord(file, shard.input):
                if isinstance(item, Record) and item.index not in bad:
                    yield item
    except OSError as error:
        raise InputError(
            f"{shard.input}, which the run read, can't be read: {error}. Verification needs the "
            "run's raw records."
        ) from error


def _stored_records(path: str) -> Iterator[Record]:
    with open_bytes(path) as file:
        for item in read_tfrecord(file, path):
            if not isinstance(item, Record):
                raise RunError(f"{path} is damaged: {item.message}.")
            yield item


def _taken(records: Iterator[Record], places: Collection[int]) -> Iterator[Record]:
    wanted = set(places)
    last = max(wanted)
    for at, record in enumerate(records):
        if at in wanted:
            yield record
        if at == last:
            return


def _check_belong_together(manifest: Manifest, raw: Record, stored: Record) -> None:
    """Compares the features that are written unchanged."""
    before = tf.train.Example.FromString(raw.data).features.feature
    after = tf.train.Example.FromString(stored.data).features.feature
    for name in manifest.recipe.passthrough:
        if before[name].SerializeToString() != after[name].SerializeToString():
            raise RunError(
                f"record {raw.index} of {raw.file} and record {stored.index} of {stored.file} "
                f"differ in {name!r}, which is passed through: they don't belong together. The "
                "input has changed since the run, or the run is damaged."
            )
