"""EllipseMask: an ellipse as a mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.region_mask import RegionMask, box_corners, check_relative

__all__ = ["EllipseMask"]


@keras.saving.register_keras_serializable(package="pixelbake")
class EllipseMask(RegionMask):
    """Makes a mask that is 1 inside an upright ellipse and 0 outside.

    ```python
    EllipseMask((0.1, 0.1, 0.9, 0.9))(images)
    Masked(EllipseMask((0.2, 0.2, 0.8, 0.8)), outside=GaussianBlur(9, 3.0))(images)
    ```

    Args:
        box: The box around the ellipse, `(left, top, right, bottom)`.
        relative: Whether `box` is in parts of the image's width and height (default), or in
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
        self, box: tuple[float, float, float, float], relative: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.box = box_corners(box)
        self.relative = check_relative("box", box, list(self.box), relative)

    def contains(self, x: Any, y: Any, unit_x: Any, unit_y: Any) -> Any:
        """Says which points are in the ellipse."""
        left, top, right, bottom = self.box
        radius_x, radius_y = (right - left) / 2 * unit_x, (bottom - top) / 2 * unit_y
        # Without a division, which graph optimisers would round differently.
        across = (x - (left + right) / 2 * unit_x) * radius_y
        down = (y - (top + bottom) / 2 * unit_y) * radius_x
        most = radius_x * radius_y  # a number where coordinates are pixels, and of no dtype then
        return ops.square(across) + ops.square(down) <= most * most

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "box": self.box, "relative": self.relative}
