"""PolygonMask: a polygon as a mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number
from pixelbake.layers.region_mask import RegionMask, check_relative

__all__ = ["PolygonMask"]


@keras.saving.register_keras_serializable(package="pixelbake")
class PolygonMask(RegionMask):
    """Makes a mask that is 1 inside a polygon and 0 outside.

    Inside is what a ray to the right leaves after an odd number of edges (the even-odd rule), so
    that a polygon may cross itself.

    ```python
    PolygonMask([(0.5, 0.0), (1.0, 1.0), (0.0, 1.0)])(images)
    ```

    Args:
        points: At least three corners `(x, y)`; the last is joined to the first.
        relative: Whether they are in parts of the image's width and height (default), or in
            pixels.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`; only their size matters.

    Returns:
        A mask `[B, H, W, 1]` in the layer's compute dtype. A pixel counts by its centre.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self, points: list[tuple[float, float]], relative: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.points = _corners(points)
        numbers = [number for point in self.points for number in point]
        self.relative = check_relative("points", points, numbers, relative)

    def contains(self, x: Any, y: Any, unit_x: Any, unit_y: Any) -> Any:
        """Says which points are in the polygon."""
        inside = ops.logical_and(x < 0, y < 0)  # nowhere
        ends = (*self.points[1:], self.points[0])
        for edge in zip(self.points, ends, strict=True):
            (x1, y1), (x2, y2) = sorted(edge, key=lambda point: point[1])
            if y1 == y2:
                continue  # no ray to the right leaves through a level edge
            rows = ops.logical_and(y >= y1 * unit_y, y < y2 * unit_y)
            # Without a division, which graph optimisers would round differently.
            across = (x - x1 * unit_x) * ((y2 - y1) * unit_y)
            along = ((x2 - x1) * unit_x) * (y - y1 * unit_y)
            inside = ops.logical_xor(inside, ops.logical_and(rows, across < along))
        return inside

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "points": self.points, "relative": self.relative}


def _corners(points: Any) -> tuple[tuple[float, float], ...]:
    if (
        not isinstance(points, list | tuple)
        or len(points) < 3
        or not all(isinstance(point, list | tuple) and len(point) == 2 for point in points)
    ):
        raise ValueError(f"points must be at least three (x, y). Received: points={points!r}.")
    return tuple(
        (finite_number("a point's x", x), finite_number("a point's y", y)) for x, y in points
    )
