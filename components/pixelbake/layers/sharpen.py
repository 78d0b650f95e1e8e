"""Sharpen: an unsharp mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, value_range_pair, working_dtype
from pixelbake.layers.gaussian_blur import GaussianBlur
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Sharpen"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Sharpen(PixelLayer):
    """Sharpens images by an unsharp mask.

    `clip(x + amount * (x - blurred), low, high)`, where `blurred` is what `GaussianBlur` of the
    same `kernel_size` and `sigma` gives (Gonzalez & Woods, Digital Image Processing, 4th ed.,
    section 3.6).

    ```python
    Sharpen(1.0)(images)
    Sharpen(0.6, kernel_size=9, sigma=2.0)(images)
    ```

    Args:
        amount: Finite, at least 0. 0 gives the image itself.
        kernel_size: Pixels, a positive odd integer, or `(height, width)` of them. Default 5.
        sigma: Standard deviation in pixels, greater than 0, or `(height, width)` of it. Default 1.
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`, any number of channels. Height and
            width must be greater than half the kernel's.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or too small.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self,
        amount: float,
        kernel_size: int | tuple[int, int] = 5,
        sigma: float | tuple[float, float] = 1.0,
        value_range: tuple[float, float] = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.amount = finite_number("amount", amount, low=0.0)
        self.blur = GaussianBlur(kernel_size, sigma, dtype=working_dtype(self.compute_dtype))
        self.value_range = value_range_pair(value_range)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Builds the blur, which has no weights."""
        self.blur.build(input_shape)

    def transform(self, images: Any) -> Any:
        """Returns the sharpened images."""
        sharper = images + (images - self.blur(images)) * self.amount
        return ops.clip(sharper, *self.value_range)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        return self.blur.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "amount": self.amount,
            "kernel_size": self.blur.kernel_size,
            "sigma": self.blur.sigma,
            "value_range": self.value_range,
        }
