"""Contrast: moves pixels away from, or towards, their channel's mean."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Contrast"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Contrast(PixelLayer):
    """Moves pixels away from the mean of their channel, and clips them to their range.

    `clip(mean + (x - mean) * factor, low, high)`, where `mean` is the mean of one channel of one
    image, as in `keras.layers.RandomContrast`. (Pillow's and torchvision's contrast take one mean
    of the gray image for all channels.)

    ```python
    Contrast(1.5)(images)
    ```

    Args:
        factor: Finite, at least 0. 0 gives a flat image, 1 the image itself.
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self, factor: float, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.factor = finite_number("factor", factor, low=0.0)
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the images with more, or less, contrast."""
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return ops.clip(mean + (images - mean) * self.factor, *self.value_range)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
