"""BoxBlur: the mean of each pixel's neighbourhood."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import odd_pair
from pixelbake.layers.border import check_mirrored_size, mirrored
from pixelbake.layers.empty_batch import unless_empty
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["BoxBlur"]


@keras.saving.register_keras_serializable(package="pixelbake")
class BoxBlur(PixelLayer):
    """Gives every pixel the mean of the rectangle around it.

    Beyond the border the image goes on mirrored at the centre of its last pixel, as in
    `GaussianBlur`. That is OpenCV's `blur` with `BORDER_REFLECT_101` and SciPy's `uniform_filter`
    with `mirror`; Pillow's `BoxBlur(radius)` repeats the last pixel instead.

    ```python
    BoxBlur(5)(images)
    BoxBlur((1, 9))(images)  # along the width only
    ```

    Args:
        kernel_size: Pixels, a positive odd integer, or `(height, width)` of them.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels. Height and
            width must be greater than half the kernel's.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or too small.
        TypeError: The input is not of a float dtype.
    """

    def __init__(self, kernel_size: int | tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_size = odd_pair("kernel_size", kernel_size)

    def transform(self, images: Any) -> Any:
        """Returns the blurred images."""
        return unless_empty(self._blur, images, images.shape[-1])

    def _blur(self, images: Any) -> Any:
        for axis, size in zip((1, 2), self.kernel_size, strict=True):
            if size > 1:
                window = (size, 1) if axis == 1 else (1, size)
                padded = mirrored(images, axis, size // 2, size // 2)
                images = ops.average_pool(
                    padded, window, strides=1, padding="valid", data_format="channels_last"
                )
        return images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        check_mirrored_size("BoxBlur", input_shape, self.kernel_size)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "kernel_size": self.kernel_size}
