"""Grayscale: the luma of RGB images."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_rgb
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Grayscale", "luma"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Grayscale(PixelLayer):
    """Turns RGB images gray by the luma of ITU-R BT.601.

    `0.299 red + 0.587 green + 0.114 blue`, as Pillow, OpenCV and TensorFlow do.

    ```python
    Grayscale()(images)  # [B, H, W, 1]
    Grayscale(output_channels=3)(images)  # gray, but still three channels
    ```

    Args:
        output_channels: 1 (default), or 3 for three equal channels, which is what
            `keras.layers.RandomGrayscale` gives.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float RGB pixels in any range, `[B, H, W, 3]`.

    Returns:
        Pixels `[B, H, W, output_channels]` in the layer's compute dtype.

    Raises:
        ValueError: `output_channels` is neither 1 nor 3, or the input is not of shape
            `[B, H, W, 3]`.
        TypeError: The input is not of a float dtype.
    """

    def __init__(self, output_channels: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(output_channels, bool) or output_channels not in (1, 3):
            raise ValueError(
                f"output_channels must be 1 or 3. Received: output_channels={output_channels!r}."
            )
        self.output_channels = output_channels

    def transform(self, images: Any) -> Any:
        """Returns the gray images."""
        return ops.repeat(luma(images), self.output_channels, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape with `output_channels` channels."""
        check_rgb("Grayscale", input_shape)
        return (*input_shape[:3], self.output_channels)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "output_channels": self.output_channels}


def luma(images: Any) -> Any:
    """Returns the BT.601 luma `[B, H, W, 1]` of RGB images `[B, H, W, 3]`."""
    # One after the other, since a sum over an axis may be added up in any order.
    return images[..., :1] * 0.299 + images[..., 1:2] * 0.587 + images[..., 2:3] * 0.114
