"""Crop: a rectangle of an image."""

from __future__ import annotations

from typing import Any

import keras

from pixelbake.layers.arguments import whole_number
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Crop"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Crop(PixelLayer):
    """Cuts a rectangle of a fixed place and size out of an image.

    An image that is too small for it is refused: when tracing where its size is known, else as
    the image's own error. (`keras.layers.CenterCrop` cuts out the middle, and enlarges what is
    too small; `keras.layers.Cropping2D` cuts off a border.)

    ```python
    Crop(top=4, left=2, height=16, width=16)(images)  # [B, 16, 16, C]
    ```

    Args:
        top: Rows above the rectangle, at least 0.
        left: Columns left of it, at least 0.
        height: Its rows, at least 1.
        width: Its columns, at least 1.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels `[B, height, width, C]` in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or too small.
        TypeError: The input is not of a float dtype.
    """

    moves_pixels = True

    def __init__(self, top: int, left: int, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.top = whole_number("top", top, 0)
        self.left = whole_number("left", left, 0)
        self.height = whole_number("height", height, 1)
        self.width = whole_number("width", width, 1)

    def transform(self, images: Any) -> Any:
        """Returns the rectangle."""
        batch, _, _, channels = keras.ops.shape(images)
        # A slice by index would silently give less of an image that is too small.
        return keras.ops.slice(
            images, (0, self.top, self.left, 0), (batch, self.height, self.width, channels)
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `[B, height, width, C]`."""
        ends = (self.top + self.height, self.left + self.width)
        for name, length, end in zip(("height", "width"), input_shape[1:3], ends, strict=True):
            if length is not None and length < end:
                raise ValueError(
                    f"Crop needs a {name} of at least {end}. Received: shape {tuple(input_shape)}."
                )
        return (input_shape[0], self.height, self.width, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "top": self.top,
            "left": self.left,
            "height": self.height,
            "width": self.width,
        }
