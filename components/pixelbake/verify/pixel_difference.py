"""How far two images are from each other, and how far they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.images import decode_stored
from pixelbake.plain.parts import Part
from pixelbake.recipe import Recipe

__all__ = ["Bound", "PixelDifference", "pixel_bound", "stored_pixels"]


class Bound(Part):
    """How far served pixels may be from materialised ones.

    Attributes:
        largest: The largest difference of one value that is allowed: in steps of 0..255, or in
            the recipe's value range for output encoding `"float"`.
        fraction: Which part of all values may differ at all, 0 to 1.
    """

    largest: float = 0.0
    fraction: float = 0.0


class PixelDifference(Part):
    """How far served pixels are from materialised ones.

    Attributes:
        largest: The largest difference of one value; None where the shapes or dtypes differ.
        differing: How many values differ.
        values: How many values there are.
    """

    largest: float | None = 0.0
    differing: int = 0
    values: int = 0

    @classmethod
    def of(cls, run: np.ndarray, served: np.ndarray) -> PixelDifference:
        """Compares two images."""
        if run.shape != served.shape or run.dtype != served.dtype:
            return cls(largest=None, differing=run.size, values=run.size)
        same = (run == served) | ((run != run) & (served != served))
        if same.all():
            return cls(values=run.size)
        apart = np.abs(run.astype(np.float64) - served.astype(np.float64))[~same]
        largest = float(np.where(np.isfinite(apart), apart, 1e308).max())  # JSON has no infinity
        return cls(largest=largest, differing=int((~same).sum()), values=run.size)

    def plus(self, other: PixelDifference) -> PixelDifference:
        """Returns both taken together."""
        largest = (
            None
            if self.largest is None or other.largest is None
            else max(self.largest, other.largest)
        )
        return PixelDifference(
            largest=largest,
            differing=self.differing + other.differing,
            values=self.values + other.values,
        )

    def is_within(self, bound: Bound) -> bool:
        """Whether the difference is allowed."""
        if self.largest is None:
            return False
        return self.largest <= bound.largest and self.differing <= bound.fraction * self.values

    def in_words(self) -> str:
        """Says how far they are apart."""
        if self.largest is None:
            return "of another shape or type, or not to be had"
        if self.differing == 0:
            return f"equal, bit for bit ({self.values} values)"
        return f"{self.differing} of {self.values} values differ, by {self.largest:.6g} at most"

    def rank(self) -> tuple[float, int]:
        """Orders differences by size."""
        return (np.inf if self.largest is None else self.largest, self.differing)


def pixel_bound(recipe: Recipe, allow_rounding: bool) -> Bound:
    """Returns how far pixels may be apart: not at all, unless rounding is allowed.

    Between processors and TensorFlow versions, sums of float32 are rounded otherwise. Then a uint8
    value may be one step off where it was a tie, rarely (26 to 45 of 9.6 million were measured);
    a JPEG encoder makes up to 16 steps of such a step, in its block of 64 values; and float output
    differs in its last digits everywhere.

    Args:
        recipe: The run's recipe.
        allow_rounding: Whether run and export were made or are compared on different machines.
    """
    if not allow_rounding:
        return Bound()
    if recipe.output.encoding == "float":
        return Bound(largest=1e-5 * recipe.value_range[1], fraction=1.0)
    if recipe.output.encoding == "jpeg":
        return Bound(largest=16.0, fraction=64e-4)
    return Bound(largest=1.0, fraction=1e-4)


def stored_pixels(stored: Any, recipe: Recipe) -> np.ndarray:
    """Decodes one image as it is stored: bytes, or float32 values in any shape."""
    if recipe.output.encoding == "float":
        values = np.asarray(stored, np.float32)
        shape = [size or -1 for size in recipe.output_shape]
        return values.reshape(shape) if values.size == np.prod(shape) else values
    pixels: np.ndarray = decode_stored(
        tf.constant(stored), recipe.output, (None, None, None)
    ).numpy()
    return pixels
