"""The grid: pixels as whole sixteenths of a gray level, and the arithmetic that is exact on them.

Pixels are float32 that hold whole numbers from 0 (black) to `WHITE`. Every sum that is formed of
them stays below 2^24, up to which float32 holds all whole numbers: it is then the same in whatever
order it is added up, with or without fused multiplication, by whatever instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.recipe.level_histogram import LEVELS

__all__ = [
    "FACTOR_END",
    "LARGEST_SUM",
    "STEPS",
    "WEIGHT_BITS",
    "WHITE",
    "from_levels",
    "in_range",
    "lookup",
    "quotient",
    "times",
    "to_uint8",
    "weighted",
]

#: The grid has the steps in which fitted layers count.
WHITE = LEVELS - 1
STEPS = WHITE // 255

#: Weights of a mean are whole numbers that add up to 2^12: `WHITE << 12` is just below 2^24.
WEIGHT_BITS = 12
LARGEST_SUM = 2**24

#: Factors are below 16, so that `times` can tell what is beyond WHITE.
FACTOR_END = 2**24 // 2**WEIGHT_BITS - WHITE


def from_levels(levels: Any) -> Any:
    """Returns float or uint8 levels in 0..255 on the grid."""
    return tf.round(tf.cast(levels, tf.float32) * float(STEPS))


def to_uint8(pixels: Any) -> Any:
    """Returns the nearest level in 0..255, halves rounded to even."""
    return tf.cast(tf.round(pixels * (1.0 / STEPS)), tf.uint8)


def in_range(pixels: Any, white: float, dtype: str = "float32") -> Any:
    """Returns grid pixels in `(0, white)`; a single product, which rounds alike everywhere."""
    return tf.cast(pixels, dtype) * tf.constant(white / WHITE, dtype)


def weighted(total: Any) -> Any:
    """Returns sums that were weighted by whole numbers adding up to 2^12 on the grid again.

    The product shifts by 12 bits and is exact. Halves are rounded to even.
    """
    return tf.round(total * 2.0**-WEIGHT_BITS)


def times(pixels: Any, factor: float) -> Any:
    """Returns `pixels * factor`, rounded to whole numbers; what is beyond `WHITE` stays beyond it.

    Args:
        pixels: Pixels or differences of such, from -WHITE to WHITE.
        factor: At least 0 and below `FACTOR_END`; 4096ths of it are rounded.
    """
    whole = float(round(factor * 2**WEIGHT_BITS))
    # Larger products would not be exact; this one is beyond WHITE already.
    end = float((LARGEST_SUM - 1) // max(whole, 1))
    return weighted(tf.clip_by_value(pixels, -end, end) * whole if end < WHITE else pixels * whole)


def quotient(total: Any, divisor: Any) -> Any:
    """Returns `total / divisor`, rounded to whole numbers, halves up.

    Args:
        total: float32 whole numbers, at least 0 and below 2^24.
        divisor: Whole numbers, at least 1.

    Returns:
        float32. A quarter more than the half that rounds keeps what is divided in float64 off all
        whole quotients: graph optimisers may make a product of the division.
    """
    divisor = tf.cast(divisor, tf.float64)
    return tf.cast(
        tf.floor((tf.cast(total, tf.float64) + divisor * 0.5 + 0.25) / divisor), tf.float32
    )


def lookup(table: np.ndarray, index: Any) -> Any:
    """Returns the table's value for each whole number in `index`."""
    return tf.gather(tf.constant(table, tf.float32), tf.cast(index, tf.int32))
