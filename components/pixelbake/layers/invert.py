"""Invert: the negative of an image."""

from __future__ import annotations

from typing import Any

import keras

from pixelbake.layers.arguments import value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Invert"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Invert(PixelLayer):
    """Turns images into their negatives: `low + high - x`.

    ```python
    Invert()(images)
    ```

    Args:
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: `value_range` is none, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    def __init__(self, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the negatives."""
        return sum(self.value_range) - images

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "value_range": self.value_range}
