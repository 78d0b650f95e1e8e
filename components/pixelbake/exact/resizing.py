"""Resizing by weights that are whole numbers, made of whole numbers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pixelbake.exact.grid import STEPS, WEIGHT_BITS, weighted
from pixelbake.recipe.parts import Resize

__all__ = ["RESIZED_EXACTLY", "resize_by_weights"]

#: The methods whose weights are fractions of the sizes. (Nearest has no weights at all.)
RESIZED_EXACTLY = ("area", "bilinear")


def resize_by_weights(image: Any, to: Resize) -> Any:
    """Resizes one image, along its height and then along its width.

    Args:
        image: uint8 `[H, W, C]`.
        to: The new size; its method is one of `RESIZED_EXACTLY`.

    Returns:
        float32 `[height, width, C]` on the grid.
    """
    height, width, channels = tf.unstack(tf.shape(image))
    rows = tf.reshape(tf.cast(image, tf.float32), (height, width * channels))
    # From whole levels: what is too many by 12 bits of weight is too few by the grid's 4.
    shorter = weighted(tf.matmul(_weights(height, to.height, to), rows) * float(STEPS))
    columns = tf.reshape(shorter, (to.height, width, channels))
    columns = tf.reshape(tf.transpose(columns, (1, 0, 2)), (width, to.height * channels))
    narrower = weighted(tf.matmul(_weights(width, to.width, to), columns))
    narrower = tf.reshape(narrower, (to.width, to.height, channels))
    resized = tf.transpose(narrower, (1, 0, 2))
    return tf.ensure_shape(resized, (to.height, to.width, image.shape[-1]))


def _weights(old: Any, new: int, to: Resize) -> Any:
    """Returns `[new, old]` whole numbers, at least 0, of which every row adds up to 2^12.

    Lengths are counted in parts of `2 * new` to a pixel of the old image, in which the centres
    of all pixels, old and new, are whole numbers.
    """
    old = tf.cast(old, tf.int64)
    i = tf.range(new, dtype=tf.int64)[:, tf.newaxis]
    j = tf.range(old, dtype=tf.int64)[tf.newaxis]
    if to.method == "area":  # how long the new pixel and the old one overlap
        share = tf.minimum((i + 1) * old, (j + 1) * new) - tf.maximum(i * old, j * new)
    else:  # a triangle around the new pixel's centre
        reach = 2 * tf.maximum(old, new) if to.antialias else tf.constant(2 * new, tf.int64)
        share = reach - tf.abs((2 * j + 1) * new - (2 * i + 1) * old)
    ends = tf.cumsum(tf.maximum(share, 0), axis=1)
    total = ends[:, -1:]
    # Ends are rounded, not shares: so the sum is what it must be.
    ends = ((ends * 2 ** (WEIGHT_BITS + 1)) + total) // (2 * total)
    starts = tf.pad(ends[:, :-1], [[0, 0], [1, 0]])
    return tf.cast(ends - starts, tf.float32)
