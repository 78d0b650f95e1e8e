"""Gamma: raises pixels to a power."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Gamma"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Gamma(PixelLayer):
    """Raises pixels to a power: gamma correction.

    `low + (high - low) * ((x - low) / (high - low)) ** gamma`, as in `tf.image.adjust_gamma` and
    `skimage.exposure.adjust_gamma`. Black and white stay as they are. Pixels outside of their
    range are clipped first.

    ```python
    Gamma(0.5)(images)  # lifts the shadows
    Gamma(2.2)(images)
    ```

    Args:
        gamma: Finite, greater than 0. Below 1 brightens, 1 gives the image itself, above 1
            darkens.
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
        self, gamma: float, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.gamma = finite_number("gamma", gamma)
        if self.gamma <= 0:
            raise ValueError(f"gamma must be greater than 0. Received: gamma={gamma!r}.")
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the corrected images."""
        low, high = self.value_range
        unit = ops.clip((images - low) * (1.0 / (high - low)), 0.0, 1.0)
        return ops.power(unit, self.gamma) * (high - low) + low

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "gamma": self.gamma, "value_range": self.value_range}
