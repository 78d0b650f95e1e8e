"""BoxMask: a rectangle as a mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.region_mask import RegionMask, box_corners, check_relative

__all__ = ["BoxMask"]


@keras.saving.register_keras_serializable(package="pixelbake")
class BoxMask(RegionMask):
    """Makes a mask that is 1 inside a rectangle and 0 outside.

    ```python
    BoxMask((0.25, 0.5, 0.75, 1.0))(images)  # the middle of the lower half
    Masked(BoxMask((4, 8, 20, 16), relative=False), inside=Fill(0))(images)
    ```

    Args:
        box: `(left, top, right, bottom)`, the order of Pillow and of Keras' `"xyxy"`.
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
        """Says which points are in the box."""
        left, top, right, bottom = self.box
        columns = ops.logical_and(x >= left * unit_x, x < right * unit_x)
        rows = ops.logical_and(y >= top * unit_y, y < bottom * unit_y)
        return ops.logical_and(rows, columns)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "box": self.box, "relative": self.relative}
