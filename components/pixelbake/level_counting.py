"""Counts levels inside a graph: the measuring end of a recipe's fitted layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.image_graph import ImageGraph, freeze_image_graph
from pixelbake.recipe import Recipe
from pixelbake.recipe.fitting import before
from pixelbake.recipe.level_histogram import LEVELS, LevelHistogram

__all__ = ["LevelCounting", "level_counting"]


@dataclass(frozen=True, eq=False)
class LevelCounting:
    """How to count the levels that one layer of a recipe sees; can be pickled.

    Attributes:
        image_graph: The way of an image up to the layer.
        stage: Which of the graph's stages the layer sees.
        stage_white: The upper end of that stage's range.
        inputs: How many encoded images the graph takes: 2 with a mask.
        channels: How many channels the layer sees.
        white: The upper end of the recipe's `value_range`.
    """

    image_graph: ImageGraph
    stage: str
    stage_white: float
    inputs: int
    channels: int
    white: float

    @property
    def nothing(self) -> LevelHistogram:
        """The counts of no image."""
        return LevelHistogram.empty(self.channels, self.white)

    def traced(self) -> Callable[[Sequence[tuple[bytes, ...]]], LevelHistogram]:
        """Returns a function that counts the levels of a batch.

        It takes at least one image, of each the encoded image and, where the layers before use it,
        the mask; it raises `tf.errors.InvalidArgumentError` if one can't be decoded or a layer
        can't take it.
        """

        def of_one(encoded: tuple[Any, ...]) -> Any:
            return _counts(self.image_graph.stages(*encoded)[self.stage], self.stage_white)

        @tf.function(
            input_signature=[tf.TensorSpec((None,), tf.string)] * self.inputs, autograph=False
        )
        def count(*encoded: Any) -> Any:
            by_image = tf.map_fn(
                of_one,
                encoded,
                fn_output_signature=tf.TensorSpec((self.channels, LEVELS), tf.int64),
            )
            return tf.reduce_sum(by_image, 0)

        def of_batch(images: Sequence[tuple[bytes, ...]]) -> LevelHistogram:
            columns = list(zip(*images, strict=True))[: self.inputs]
            counts = count(*(tf.constant(column, tf.string) for column in columns))
            return LevelHistogram(np.asarray(counts), self.white)

        return of_batch


def level_counting(recipe: Recipe, index: int) -> LevelCounting:
    """Prepares to count what layer number `index` sees; the layers before it are fitted."""
    prefix = before(recipe, index)
    channels = prefix.output_shape[-1]
    assert channels is not None  # decoding says how many there are
    return LevelCounting(
        image_graph=freeze_image_graph(prefix),
        stage=f"layers[{index - 1}]" if index else "resize",
        stage_white=recipe.value_range[1] if index else 255.0,
        inputs=len(prefix.image_features),
        channels=channels,
        white=recipe.value_range[1],
    )


def _counts(pixels: Any, white: float) -> Any:
    """Returns int64 `[C, LEVELS]` for float32 pixels `[H, W, C]`, clipped to `(0, white)`."""
    steps = tf.clip_by_value(pixels, 0.0, white) * tf.constant((LEVELS - 1) / white, tf.float32)
    levels = tf.cast(tf.round(steps), tf.int32)
    channels = tf.shape(levels)[-1]
    counts = tf.math.bincount(
        tf.reshape(levels + tf.range(channels) * LEVELS, [-1]),
        minlength=channels * LEVELS,
        maxlength=channels * LEVELS,
        dtype=tf.int64,
    )
    return tf.reshape(counts, [channels, LEVELS])
