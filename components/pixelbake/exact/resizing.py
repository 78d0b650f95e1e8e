"""Resizing by weights that are whole numbers, made of whole numbers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pixelbake.exact.grid import STEPS, WEIGHT_BITS, weighted
from pixelbake.plain.parts import Resize

__all__ = ["RESIZED_EXACTLY", "resize_by_weights"]

#: The methods whose weights are fractions of the sizes. (Nearest has no weights at all.)
RESIZED_EXACTLY = ("area", "bilinear")

#: How many new lines share a window of the old ones.
_TOGETHER = 8


def resize_by_weights(image: Any, to: Resize) -> Any:
    """Resizes one image, along its height and then along its width.

    Args:
        image: uint8 `[H, W, C]`.
        to: The new size; its method is one of `RESIZED_EXACTLY`.

    Returns:
        float32 `[height, width, C]` on the grid.
    """
    height, width, channels = tf.unstack(tf.shape(image))
    rows = tf.reshape(image, (height, width * channels))
    # From whole levels: what is too many by 12 bits of weight is too few by the grid's 4.
    shorter = weighted(_weighted_sums(rows, to.height, to) * float(STEPS))
    columns = tf.reshape(shorter, (to.height, width, channels))
    columns = tf.reshape(tf.transpose(columns, (1, 0, 2)), (width, to.height * channels))
    narrower = weighted(_weighted_sums(columns, to.width, to))
    narrower = tf.reshape(narrower, (to.width, to.height, channels))
    resized = tf.transpose(narrower, (1, 0, 2))
    return tf.ensure_shape(resized, (to.height, to.width, image.shape[-1]))


def _weighted_sums(lines: Any, new: int, to: Resize) -> Any:
    """Returns each new line's sum of the old ones, whose weights add up to 2^12.

    A new line is made of few old ones. Some new ones that follow each other are made of a window
    of the old lines, and all windows are multiplied at once: for large photographs that is a tenth
    of what the product with one matrix is.

    Args:
        lines: Whole numbers `[old, N]`.
        new: How many lines there are to be.
        to: The method.

    Returns:
        float32 `[new, N]`.
    """
    # Lengths are counted in parts of `2 * new` to an old line, in which the centres of all lines,
    # old and new, are whole numbers.
    old = tf.shape(lines, tf.int64)[0]
    if to.method == "area":
        reach = old + new
    else:
        reach = 2 * tf.maximum(old, new) if to.antialias else tf.constant(2 * new, tf.int64)
    together = min(new, _TOGETHER)
    first = tf.range(0, new, together, dtype=tf.int64)[:, tf.newaxis]
    size = tf.minimum((2 * old * (together - 1) + 2 * reach) // (2 * new) + 2, old)
    start = ((2 * first + 1) * old - reach - new) // (2 * new)
    start = tf.clip_by_value(start, 0, old - size)
    j = start + tf.range(size)
    # (The last window has more places than new lines are left.)
    i = tf.minimum(first + tf.range(together, dtype=tf.int64), new - 1)
    weights = _weights(i[:, :, tf.newaxis], j[:, tf.newaxis], new, old, reach, to)
    sums = tf.matmul(weights, tf.cast(tf.gather(lines, j), tf.float32))
    return tf.reshape(sums, (-1, tf.shape(lines)[1]))[:new]


def _weights(i: Any, j: Any, new: int, old: Any, reach: Any, to: Resize) -> Any:
    """Returns whole numbers, at least 0, that add up to 2^12 along the last axis.

    Args:
        i: Which new line, int64.
        j: Which old line, int64; along the last axis all that have a share in the new one.
        new: How many new lines there are.
        old: How many old lines there are.
        reach: How far from a new line's centre old ones have a share in it.
        to: The method.
    """
    if to.method == "area":  # how long the new line and the old one overlap
        share = tf.minimum((i + 1) * old, (j + 1) * new) - tf.maximum(i * old, j * new)
    else:  # a triangle around the new line's centre
        share = reach - tf.abs((2 * j + 1) * new - (2 * i + 1) * old)
    ends = tf.cumsum(tf.maximum(share, 0), axis=-1)
    total = ends[..., -1:]
    # Ends are rounded, not shares: so the sum is what it must be.
    ends = ((ends * 2 ** (WEIGHT_BITS + 1)) + total) // (2 * total)
    starts = tf.concat([tf.zeros_like(total), ends[..., :-1]], -1)
    return tf.cast(ends - starts, tf.float32)
