"""RegionMask: what masks of a fixed region have in common."""

from __future__ import annotations

from typing import Any

from keras import ops

from pixelbake.layers.arguments import finite_number
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["RegionMask", "box_corners", "check_relative"]


class RegionMask(PixelLayer):
    """Base of the masks of a region: a subclass says which points it contains.

    A pixel belongs to the region if its centre does; the centre of the first one is (0.5, 0.5).
    """

    #: Whether coordinates are parts of the image's width and height, or pixels.
    relative: bool

    def transform(self, images: Any) -> Any:
        """Returns 1 inside the region and 0 outside, `[B, H, W, 1]`."""
        batch, height, width, _ = ops.shape(images)
        y = ops.reshape(ops.arange(height, dtype=images.dtype), (1, -1, 1, 1)) + 0.5
        x = ops.reshape(ops.arange(width, dtype=images.dtype), (1, 1, -1, 1)) + 0.5
        unit = (1.0, 1.0)
        if self.relative:
            unit = (ops.cast(width, images.dtype), ops.cast(height, images.dtype))
        inside = ops.cast(self.contains(x, y, *unit), images.dtype)
        return ops.broadcast_to(inside, (batch, height, width, 1))

    def contains(self, x: Any, y: Any, unit_x: Any, unit_y: Any) -> Any:
        """Says which points belong to the region.

        Args:
            x: Float32 or float64 `[1, 1, W, 1]`, in pixels.
            y: The same `[1, H, 1, 1]`, in pixels.
            unit_x: How many pixels are one unit of the region's own x coordinates.
            unit_y: The same for y.

        Returns:
            Booleans `[1, H, W, 1]`.
        """
        raise NotImplementedError

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `[B, H, W, 1]`."""
        return (*input_shape[:3], 1)


def check_relative(name: str, value: Any, numbers: list[float], relative: Any) -> bool:
    """Returns `relative`, or raises ValueError if relative coordinates are not in [0, 1]."""
    if not isinstance(relative, bool):
        raise ValueError(f"relative must be true or false. Received: relative={relative!r}.")
    if relative and not all(0 <= number <= 1 for number in numbers):
        raise ValueError(
            f"{name} must be from 0 to 1, parts of the image's width and height. Received: "
            f"{name}={value!r}. Set relative to false if these are pixels."
        )
    return relative


def box_corners(box: Any) -> tuple[float, float, float, float]:
    """Returns `(left, top, right, bottom)` as floats, or raises ValueError."""
    if not isinstance(box, list | tuple) or len(box) != 4:
        raise ValueError(f"box must be (left, top, right, bottom). Received: box={box!r}.")
    left, top, right, bottom = (finite_number("box's coordinates", value) for value in box)
    if left >= right or top >= bottom:
        raise ValueError(
            "box must be (left, top, right, bottom) with left < right and top < bottom. "
            f"Received: box={box!r}."
        )
    return left, top, right, bottom
