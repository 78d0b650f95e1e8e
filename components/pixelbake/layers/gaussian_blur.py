"""GaussianBlur: a Gaussian filter that does not darken the border."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_images, finite_number, odd_pair, pair, working_dtype
from pixelbake.layers.border import check_mirrored_size, mirrored
from pixelbake.layers.empty_batch import unless_empty

__all__ = ["MAX_DEPTHWISE_WIDTH", "GaussianBlur", "filtered_along", "gaussian_weights"]


@keras.saving.register_keras_serializable(package="pixelbake")
class GaussianBlur(keras.Layer):
    """Blurs images by a Gaussian kernel.

    The kernel is the sampled Gaussian `exp(-i² / (2 sigma²))`, normalised to the sum 1 in float64
    (Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.5), applied as two passes, one
    along each axis. Beyond the border the image goes on mirrored at the centre of its last pixel,
    so that neither is the border darkened nor the last pixel counted twice. That is OpenCV's
    `BORDER_REFLECT_101`, PyTorch's `reflect` and SciPy's `mirror` (not SciPy's `reflect`).

    ```python
    GaussianBlur(kernel_size=5, sigma=2.0)(images)
    GaussianBlur(kernel_size=(1, 9), sigma=1.5)(images)  # along the width only
    ```

    Args:
        kernel_size: Pixels, a positive odd integer, or `(height, width)` of them.
        sigma: Standard deviation in pixels, greater than 0, or `(height, width)` of it.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels. Height and
            width must be greater than half the kernel's.

    Returns:
        Pixels of the same shape in the layer's compute dtype. Under a float16 or bfloat16 policy
        the filter itself runs in float32.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or too small.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        sigma: float | tuple[float, float],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        sizes = odd_pair("kernel_size", kernel_size)
        sigmas = tuple(finite_number("sigma", s) for s in pair("sigma", sigma))
        if min(sigmas) <= 0:
            raise ValueError(f"sigma must be greater than 0. Received: sigma={sigma!r}.")
        self.kernel_size = sizes
        self.sigma = sigmas

    def call(self, inputs: Any) -> Any:
        """Returns the blurred images."""
        check_images("GaussianBlur", inputs)
        check_mirrored_size("GaussianBlur", inputs.shape, self.kernel_size)
        # Sums of 16-bit products would lose two decimal digits.
        images = ops.cast(inputs, working_dtype(self.compute_dtype))
        blurred = unless_empty(self._blur, images, images.shape[-1])
        return ops.cast(blurred, self.compute_dtype)

    def _blur(self, images: Any) -> Any:
        for axis, size, sigma in zip((1, 2), self.kernel_size, self.sigma, strict=True):
            if size > 1:
                images = filtered_along(images, axis, gaussian_weights(size, sigma))
        return images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        check_mirrored_size("GaussianBlur", tuple(input_shape), self.kernel_size)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "kernel_size": self.kernel_size, "sigma": self.sigma}


#: oneDNN's depthwise convolutions on AVX-512 crash, or give wrong pixels, for kernels 15 and more
#: pixels wide (TensorFlow 2.16 and 2.21); tall ones are right. Wide blurs turn the image instead.
MAX_DEPTHWISE_WIDTH = 13


def gaussian_weights(size: int, sigma: float) -> list[float]:
    """Returns the normalised kernel of one axis, `size` numbers."""
    radius = size // 2
    values = [math.exp(-(i * i) / (2.0 * sigma * sigma)) for i in range(-radius, radius + 1)]
    total = math.fsum(values)
    return [value / total for value in values]


def filtered_along(images: Any, axis: int, kernel_weights: list[float]) -> Any:
    """Filters images along one axis, mirrored beyond their border.

    Args:
        images: float32 or float64 `[B, H, W, C]`, B at least 1.
        axis: 1 (height) or 2 (width).
        kernel_weights: An odd number of weights.
    """
    size = len(kernel_weights)
    if axis == 2 and size > MAX_DEPTHWISE_WIDTH:
        turned = filtered_along(ops.transpose(images, (0, 2, 1, 3)), 1, kernel_weights)
        return ops.transpose(turned, (0, 2, 1, 3))
    batch, height, width, channels = ops.shape(images)
    padded = mirrored(images, axis, size // 2, size // 2)
    weights = ops.convert_to_tensor(kernel_weights, images.dtype)
    if axis == 2:
        kernel = ops.tile(ops.reshape(weights, (1, size, 1, 1)), (1, 1, channels, 1))
        return _depthwise(padded, kernel)
    # Along the height, each number of a row is a channel of its own: long runs that are filtered
    # alike, twice as fast as three channels a pixel, and ten times where TensorFlow has no oneDNN.
    columns = ops.reshape(padded, (batch, height + 2 * (size // 2), 1, width * channels))
    kernel = ops.tile(ops.reshape(weights, (size, 1, 1, 1)), (1, 1, width * channels, 1))
    return ops.reshape(_depthwise(columns, kernel), (batch, height, width, channels))


def _depthwise(padded: Any, kernel: Any) -> Any:
    return ops.depthwise_conv(padded, kernel, padding="valid", data_format="channels_last")
