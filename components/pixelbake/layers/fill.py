"""Fill: one colour."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Fill"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Fill(PixelLayer):
    """Gives every pixel one colour; inside of `Masked`, it paints over what a mask shows.

    ```python
    Masked(BoxMask((0.2, 0.4, 0.6, 0.5)), inside=Fill(0))(images)  # blacks out a plate
    Fill((1.0, 0.5, 0.0))(images)
    ```

    Args:
        color: One value for all channels, or one for each, in units of the pixels, within
            `value_range`.
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or has not as many
            channels as `color`.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self,
        color: float | tuple[float, ...],
        value_range: tuple[float, float] = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_pair(value_range)
        values = color if isinstance(color, list | tuple) else [color]
        numbers = tuple(finite_number("color", value) for value in values)
        low, high = self.value_range
        if not numbers or not all(low <= number <= high for number in numbers):
            raise ValueError(
                f"color must be within value_range {self.value_range}. Received: color={color!r}."
            )
        self.color = numbers if isinstance(color, list | tuple) else numbers[0]

    def transform(self, images: Any) -> Any:
        """Returns the colour everywhere."""
        return ops.zeros_like(images) + ops.convert_to_tensor(self.color, images.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        if isinstance(self.color, tuple) and len(self.color) != input_shape[-1]:
            raise ValueError(
                f"Fill with color={self.color} takes as many channels. Received: shape "
                f"{tuple(input_shape)}."
            )
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "color": self.color, "value_range": self.value_range}
