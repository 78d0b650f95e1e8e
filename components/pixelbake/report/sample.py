"""A bounded look at a run: some images as read and as stored, and some that were refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake import images as codecs
from pixelbake.errors import InputError, RunError
from pixelbake.intake.gate import ImageLimits, Refusal, check_image
from pixelbake.intake.reasons import Quarantined
from pixelbake.job.quarantine import read_quarantine
from pixelbake.plain.parts import Decode
from pixelbake.recipe import Recipe
from pixelbake.verify.pixel_difference import stored_pixels
from pixelbake.verify.sample import Materialised, SampledRecord, records_at

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


def sample_pairs(run: Materialised) -> Iterator[Pair]:
    """Yields the first records of a few shards of every split.

    Shards whose input is gone, or is no longer what the run read, are left out.

    Args:
        run: The run.
    """
    for split in run.manifest.splits:
        shards = [s for s in run.manifest.shards if s.split == split and s.written]
        chosen = shards[:: max(1, -(-len(shards) // SHARDS_PER_SPLIT))]
        chosen = [s for s in chosen if s.quarantined <= _MAX_REFUSED_IN_SHARD]
        budget = _PIXELS_PER_SPLIT
        for shard in chosen:
            count = min(shard.written, -(-PAIRS_PER_SPLIT // len(chosen)))
            with suppress(OSError, InputError, RunError):
                for record in records_at(run, shard, range(count)):
                    pair = _pair(record, run.manifest.recipe)
                    if pair is not None:
                        yield pair
                        budget -= math.prod(pair.before_size)
                    if budget <= 0:
                        break
            if budget <= 0:
                break


def _pair(record: SampledRecord, recipe: Recipe) -> Pair | None:
    whole = Decode(channels=recipe.decode.channels)
    before = _decoded(_features(record.raw)[recipe.image].bytes_list.value[0], whole)
    if before is None:
        return None
    # One large image after the other: a run's last step must not be what takes most memory.
    before, before_size = _thinned(before)
    features = _features(record.stored)
    after, after_size = _thinned(_stored_pixels(features[recipe.image], recipe))
    return Pair(
        split=record.split,
        file=record.file,
        index=record.index,
        before=before,
        after=after,
        before_size=before_size,
        after_size=after_size,
        features=dict(islice(_in_words(features, recipe), 2)),
    )


def _thinned(image: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Leaves rows and columns out of a large image; its levels are still as frequent.

    Returns:
        The image, and the height and width that it had.
    """
    height, width = image.shape[:2]
    step = -(-max(height, width) // _LONGEST_SIDE)
    return np.ascontiguousarray(image[::step, ::step]) if step > 1 else image, (height, width)


def _features(example: bytes) -> Any:
    return tf.train.Example.FromString(example).features.feature


def _stored_pixels(feature: Any, recipe: Recipe) -> np.ndarray:
    if recipe.output.encoding == "float":
        values = stored_pixels(feature.float_list.value, recipe)
        return np.asarray(codecs.quantise(tf.constant(values), recipe.value_range))
    return stored_pixels(feature.bytes_list.value[0], recipe)


def _in_words(features: Any, recipe: Recipe) -> Iterator[tuple[str, str]]:
    for name in recipe.passthrough:
        kind = features[name].WhichOneof("kind")
        values = list(getattr(features[name], kind).value) if kind else []
        if len(values) == 1:
            (value,) = values
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else f"{value:g}"
            yield name, text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def sample_refused(run: Materialised) -> list[Refused]:
    """Returns a few refused records of every reason; their images pass the gate before a decoder.

    Args:
        run: The run. Without its quarantine, nothing is returned.
    """
    chosen: list[Refused] = []
    for split, counts in run.manifest.splits.items():
        if run.quarantine is None or not counts.reasons:
            continue
        seen: Counter[str] = Counter()
        for item in islice(read_quarantine(run.quarantine, split), _REFUSED_LOOKED_AT):
            seen[item.reason.value] += 1
            if seen[item.reason.value] <= _REFUSED_PER_REASON and len(chosen) < _REFUSED_SHOWN:
                chosen.append(Refused(split, item, _refused_pixels(item, run.manifest.recipe)))
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
