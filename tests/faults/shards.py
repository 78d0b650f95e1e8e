"""Four shards of real crops, one job over them, and what became of it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import frame_record
from pixelbake.job import JobConfig, Limits, read_manifest, read_quarantine, run_job
from pixelbake.layers import Brightness
from pixelbake.recipe import Recipe
from tests.job.inputs import PHOTOS, example, records_in

SHARDS = 4
PER_SHARD = 8
RECORDS = SHARDS * PER_SHARD
RECIPE = Recipe(layers=[Brightness(1.2)], passthrough={"label": "int64"})
ANY = Limits(max_bad_fraction=1.0)

#: Record 3 of shard 1 is the one that faults befall.
FAULTY_SHARD, FAULTY_RECORD = 1, 3


def good(shard: int, index: int) -> bytes:
    number = shard * PER_SHARD + index
    return example(image=PHOTOS[number % len(PHOTOS)], label=number)


def shard_records(shard: int) -> list[bytes]:
    return [good(shard, index) for index in range(PER_SHARD)]


def path_of(folder: Path, shard: int) -> Path:
    return folder / f"train-{shard:05d}-of-{SHARDS:05d}.tfrecord"


def write_shards(folder: Path, packed: bool = False) -> Path:
    """Writes the clean shards; `packed` as gzip."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(SHARDS):
        data = b"".join(map(frame_record, shard_records(shard)))
        path_of(folder, shard).write_bytes(gzip.compress(data) if packed else data)
    return folder


def damage(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """Changes the bytes of the faulty shard."""
    path = path_of(folder, FAULTY_SHARD)
    path.write_bytes(change(path.read_bytes()))
    return path


def replace_record(folder: Path, record: bytes) -> None:
    """Puts another record in the faulty one's place."""
    records = shard_records(FAULTY_SHARD)
    records[FAULTY_RECORD] = record
    path_of(folder, FAULTY_SHARD).write_bytes(b"".join(map(frame_record, records)))


def config_for(folder: Path, limits: Limits = ANY, **more: object) -> JobConfig:
    return JobConfig(
        input={"train": f"{folder}/train-*"},
        output=str(folder.parent / "run"),
        recipe=RECIPE,
        limits=limits,
        **more,
    )


@dataclass
class Outcome:
    """What a published run says and holds."""

    read: int
    written: int
    reasons: dict[str, int]
    labels: list[int]
    quarantine: list[Quarantined]


def run(folder: Path, limits: Limits = ANY) -> Outcome:
    config = config_for(folder, limits)
    run_job(config)
    manifest = read_manifest(config.output)
    counts = manifest.splits["train"]
    assert counts.read == counts.written + counts.quarantined
    for shard in manifest.shards:
        assert shard.read == shard.written + shard.quarantined
    labels = [label for path in manifest.paths(config.output, "train") for label in labels_in(path)]
    assert len(labels) == counts.written
    return Outcome(
        counts.read,
        counts.written,
        counts.reasons,
        sorted(labels),
        list(read_quarantine(config.output, "train")),
    )


def labels_in(path: str | Path) -> list[int]:
    import tensorflow as tf

    return [
        tf.train.Example.FromString(data).features.feature["label"].int64_list.value[0]
        for data in records_in(path)
    ]
