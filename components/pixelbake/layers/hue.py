"""Hue: turns the colours of an image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_rgb, finite_number, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Hue"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Hue(PixelLayer):
    """Turns the hue of the HSV colour model by a part of the full circle.

    `factor` is added to the hue, as in `keras.layers.RandomHue` and `tf.image.adjust_hue`. Gray
    stays gray.

    ```python
    Hue(1 / 3)(images)  # red becomes green, green blue, and blue red
    Hue(-0.05)(images)
    ```

    Args:
        factor: From -1 to 1. 0, 1 and -1 give the image itself, 0.5 the opposite colours.
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float RGB pixels in `value_range`, `[B, H, W, 3]`. Pixels outside of it are
            clipped.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of shape `[B, H, W, 3]`.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self, factor: float, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.factor = finite_number("factor", factor)
        if abs(self.factor) > 1:
            raise ValueError(f"factor must be from -1 to 1. Received: factor={factor!r}.")
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the images with their colours turned."""
        low, high = self.value_range
        unit = ops.clip((images - low) * (1.0 / (high - low)), 0.0, 1.0)
        hsv = ops.image.rgb_to_hsv(unit, data_format="channels_last")
        hue = ops.mod(hsv[..., :1] + self.factor, 1.0)
        hsv = ops.concatenate([hue, hsv[..., 1:]], axis=-1)
        rgb = ops.image.hsv_to_rgb(hsv, data_format="channels_last")
        return ops.clip(rgb * (high - low) + low, low, high)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        check_rgb("Hue", input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
