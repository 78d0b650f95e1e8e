"""A bounded look at a run: some images as read and as stored, and some that were refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake import images as codecs
from pixelbake.files import open_bytes
from pixelbake.intake.gate import ImageLimits, Refusal, check_image
from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import Record, read_tfrecord
from pixelbake.job.manifest import Manifest
from pixelbake.job.quarantine import read_quarantine
from pixelbake.job.shards import ShardResult
from pixelbake.recipe import Recipe
from pixelbake.recipe.parts import Decode

__all__ = ["Pair", "Refused", "sample_pairs", "sample_refused"]

#: A report has to cost next to nothing, whatever the run cost.
PAIRS_PER_SPLIT = 24
_PIXELS_PER_SPLIT = 36_000_000
_LONGEST_SIDE = 1024
SHARDS_PER_SPLIT = 4
_REFUSED_LOOKED_AT = 200
_REFUSED_PER_REASON = 3
_REFUSED_SHOWN = 18
#: Shards with more refused records than this are not matched up with their input.
_MAX_REFUSED_IN_SHARD = 500
#: Much less than the job takes: a page shows no more.
LIMITS = ImageLimits(max_pixels=16_000_000, max_bytes=16 * 2**20)
_LONGEST_VALUE = 40


@dataclass(frozen=True)
class Pair:
    """One record, as it went in and as it came out.

    Attributes:
        split: Its split.
        file: Its input file.
        index: Its number in that file, from 0.
        before: uint8 `[H, W, C]`; of a large image every second, third, ... row and column.
        after: uint8 `[H, W, C]`, as stored, likewise.
        before_size: Height and width as read.
        after_size: Height and width as stored.
        features: Values of some features that were passed through, as text by name.
    """

    split: str
    file: str
    index: int
    before: np.ndarray
    after: np.ndarray
    before_size: tuple[int, int]
    after_size: tuple[int, int]
    features: dict[str, str]


@dataclass(frozen=True)
class Refused:
    """One record that was refused.

    Attributes:
        split: Its split.
        item: What the quarantine holds.
        pixels: uint8 `[H, W, 3]` if its image could be decoded within limits, else None.
    """

    split: str
    item: Quarantined
    pixels: np.ndarray | None


def sample_pairs(run: str, manifest: Manifest, folders: Mapping[str, str]) -> Iterator[Pair]:
    """Yields the first records of a few shards of every split.

    Args:
        run: What `read_quarantine` takes.
        manifest: The run's manifest.
        folders: The folder of output shards, by split.
    """
    for split in manifest.splits:
        shards = [s for s in manifest.shards if s.split == split and s.written]
        chosen = shards[:: max(1, -(-len(shards) // SHARDS_PER_SPLIT))]
        chosen = [s for s in chosen if s.quarantined <= _MAX_REFUSED_IN_SHARD]
        refused_at = _refused_at(run, split) if any(s.quarantined for s in chosen) else set()
        budget = _PIXELS_PER_SPLIT
        for shard in chosen:
            count = -(-PAIRS_PER_SPLIT // len(chosen))
            stored = f"{folders[split]}/{shard.output}"
            with suppress(OSError):  # the input may be gone, if the page is written anew
                for pair in islice(_pairs(shard, stored, manifest.recipe, refused_at), count):
                    yield pair
                    budget -= math.prod(pair.before_size)
                    if budget <= 0:
                        break
            if budget <= 0:
                break


def _refused_at(run: str, split: str) -> set[tuple[str, int]]:
    most = _MAX_REFUSED_IN_SHARD * SHARDS_PER_SPLIT
    return {(item.file, item.index) for item in islice(read_quarantine(run, split), most)}


def _pairs(
    shard: ShardResult, stored: str, recipe: Recipe, refused_at: set[tuple[str, int]]
) -> Iterator[Pair]:
    """Matches the records of an input file with those of its output shard, which skips some."""
    whole = Decode(channels=recipe.decode.channels)
    good = (
        record for record in _records(shard.input) if (record.file, record.index) not in refused_at
    )
    for raw, made in zip(good, _records(stored), strict=False):
        before = _decoded(_features(raw)[recipe.image].bytes_list.value[0], whole)
        features = _features(made)
        if before is not None:
            after = _stored_pixels(features[recipe.image], recipe)
            yield Pair(
                split=shard.split,
                file=shard.input,
                index=raw.index,
                before=_thinned(before),
                after=_thinned(after),
                before_size=(before.shape[0], before.shape[1]),
                after_size=(after.shape[0], after.shape[1]),
                features=dict(islice(_in_words(features, recipe), 2)),
            )


def _thinned(image: np.ndarray) -> np.ndarray:
    """Leaves rows and columns out of a large image; its levels are still as frequent."""
    step = -(-max(image.shape[:2]) // _LONGEST_SIDE)
    return np.ascontiguousarray(image[::step, ::step]) if step > 1 else image


def _records(path: str) -> Iterator[Record]:
    with open_bytes(path) as file:
        for item in read_tfrecord(file, path):
            if isinstance(item, Record):
                yield item


def _features(record: Record) -> Any:
    return tf.train.Example.FromString(record.data).features.feature


def _stored_pixels(feature: Any, recipe: Recipe) -> np.ndarray:
    shape: Any = recipe.output_shape
    if recipe.output.encoding == "float":
        values = np.array(feature.float_list.value, np.float32).reshape(shape)
        return np.asarray(codecs.quantise(tf.constant(values), recipe.value_range))
    return np.asarray(
        codecs.decode_stored(tf.constant(feature.bytes_list.value[0]), recipe.output, shape)
    )


def _in_words(features: Any, recipe: Recipe) -> Iterator[tuple[str, str]]:
    for name in recipe.passthrough:
        kind = features[name].WhichOneof("kind")
        values = list(getattr(features[name], kind).value) if kind else []
        if len(values) == 1:
            (value,) = values
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else f"{value:g}"
            yield name, text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def sample_refused(run: str, manifest: Manifest) -> list[Refused]:
    """Returns a few refused records of every reason; their images pass the gate before a decoder.

    Args:
        run: What `read_quarantine` takes.
        manifest: The run's manifest.
    """
    chosen: list[Refused] = []
    for split, counts in manifest.splits.items():
        seen: Counter[str] = Counter()
        found = read_quarantine(run, split) if counts.reasons else iter(())
        for item in islice(found, _REFUSED_LOOKED_AT):
            seen[item.reason.value] += 1
            if seen[item.reason.value] <= _REFUSED_PER_REASON and len(chosen) < _REFUSED_SHOWN:
                chosen.append(Refused(split, item, _refused_pixels(item, manifest.recipe)))
    return chosen


def _refused_pixels(item: Quarantined, recipe: Recipe) -> np.ndarray | None:
    try:
        feature = tf.train.Example.FromString(item.data).features.feature
        if recipe.image not in feature:
            return None
        (data,) = feature[recipe.image].bytes_list.value
    except Exception:  # whatever a damaged record does to a parser, it is no picture
        return None
    return _decoded(data, Decode(channels=3))


def _decoded(data: bytes, how: Decode) -> np.ndarray | None:
    if isinstance(check_image(data, LIMITS), Refusal):
        return None
    try:
        return np.asarray(codecs.decode(tf.constant(data), how))
    except tf.errors.OpError:
        return None
