"""Posterize: fewer bits per channel."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import value_range_pair, whole_number
from pixelbake.layers.levels import from_levels, to_levels
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Posterize"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Posterize(PixelLayer):
    """Keeps only the upper bits of each channel.

    Defined on 8-bit pixels, to which the input is rounded first. Equal to Pillow's
    `ImageOps.posterize`.

    ```python
    Posterize(3)(images)  # 8 levels in each channel
    ```

    Args:
        bits: How many bits to keep, from 1 to 8 (`factor` in `keras.layers.RandomPosterization`).
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
        self, bits: int, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.bits = whole_number("bits", bits, 1, 8)
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the posterized images."""
        step = 2.0 ** (8 - self.bits)  # a power of two: division and product are exact
        levels = ops.floor(to_levels(images, self.value_range) / step) * step
        return from_levels(levels, self.value_range)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "bits": self.bits, "value_range": self.value_range}
