"""Saturation: makes colours stronger or paler."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_rgb, finite_number, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Saturation"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Saturation(PixelLayer):
    """Multiplies the saturation of the HSV colour model, at most up to full saturation.

    As `tf.image.adjust_saturation`, but without the way through the hue: with `v` the greatest
    and `m` the smallest of a pixel's three values, every value `x` becomes
    `v - (v - x) * min(factor, v / (v - m))`, all counted from black. (A. R. Smith, "Color gamut
    transform pairs", SIGGRAPH 1978, with the hue cancelled out.)

    `keras.layers.RandomSaturation` counts its `factor` otherwise: its `f` is our `f / (1 - f)`.

    ```python
    Saturation(1.5)(images)
    Saturation(0)(images)  # gray, as bright as the brightest of the three colours
    ```

    Args:
        factor: Finite, at least 0. 0 gives gray, 1 the image itself.
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float RGB pixels in `value_range`, `[B, H, W, 3]`.

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
        self.factor = finite_number("factor", factor, low=0.0)
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the images with stronger, or paler, colours."""
        low, high = self.value_range
        red, green, blue = images[..., :1], images[..., 1:2], images[..., 2:3]
        value = ops.maximum(ops.maximum(red, green), blue)
        chroma = value - ops.minimum(ops.minimum(red, green), blue)
        coloured = chroma > 0
        most = (value - low) / ops.where(coloured, chroma, 1.0)
        factor = ops.where(coloured, ops.minimum(most, self.factor), 1.0)
        return ops.clip(value - (value - images) * factor, low, high)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        check_rgb("Saturation", input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
