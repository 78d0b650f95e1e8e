"""Brightness: multiplies pixels by a factor."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_images, finite_number, value_range_pair

__all__ = ["Brightness"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Brightness(keras.Layer):
    """Multiplies pixels by a factor and clips them to their range.

    `clip(low + (x - low) * factor, low, high)`, elementwise: `low` (black) stays black.

    ```python
    Brightness(1.2)(images)  # 20 % brighter, pixels in [0, 1]
    Brightness(0.5, value_range=(0, 255))(images)  # half as bright, pixels in [0, 255]
    ```

    Args:
        factor: Finite, at least 0. 0 gives black, 1 the image itself, 2 twice its brightness.
        value_range: `(low, high)` of the pixels, which the layer does not rescale. Default
            `(0, 1)`.
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

    def call(self, inputs: Any) -> Any:
        """Returns the brightened images."""
        check_images("Brightness", inputs)
        low, high = self.value_range
        # With a black of 0, as nearly always, two passes over the pixels are saved.
        scaled = inputs * self.factor if low == 0 else (inputs - low) * self.factor + low
        return ops.clip(scaled, low, high)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
