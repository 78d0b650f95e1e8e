"""Solarize: the negative of the bright pixels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Solarize"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Solarize(PixelLayer):
    """Inverts the pixels that are at least as bright as a threshold.

    `low + high - x` where `x >= threshold`, and `x` elsewhere, as Pillow's `ImageOps.solarize`.
    (`keras.layers.Solarization` draws its threshold at random, and does nothing at inference.)

    ```python
    Solarize(0.5)(images)
    Solarize(128, value_range=(0, 255))(images * 255)
    ```

    Args:
        threshold: In units of the pixels, within `value_range`.
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
        self, threshold: float, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_pair(value_range)
        self.threshold = finite_number("threshold", threshold)
        low, high = self.value_range
        if not low <= self.threshold <= high:
            raise ValueError(
                f"threshold must be within value_range {self.value_range}. Received: "
                f"threshold={threshold!r}."
            )

    def transform(self, images: Any) -> Any:
        """Returns the solarized images."""
        return ops.where(images < self.threshold, images, sum(self.value_range) - images)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "value_range": self.value_range,
        }
