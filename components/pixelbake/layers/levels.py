"""The 256 levels of 8-bit pixels, for layers that are defined on these."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["from_levels", "to_levels"]


def to_levels(images: Any, value_range: tuple[float, float]) -> Any:
    """Returns the nearest level of every pixel, as whole floats in 0..255.

    A pixel that was decoded from 8 bits gives its own level back.
    """
    low, high = value_range
    shifted = images if low == 0 else images - low
    scaled = shifted if high - low == 255 else shifted * (255.0 / (high - low))
    return ops.clip(ops.round(scaled), 0.0, 255.0)


def from_levels(levels: Any, value_range: tuple[float, float]) -> Any:
    """Brings levels in 0..255 back to `value_range`, as decoding scales them."""
    low, high = value_range
    scaled = levels if high - low == 255 else levels * ((high - low) / 255.0)
    return scaled if low == 0 else scaled + low
