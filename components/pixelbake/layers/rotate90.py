"""Rotate90: quarter turns."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import whole_number
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Rotate90"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Rotate90(PixelLayer):
    """Rotates images by right angles, counter-clockwise, as `numpy.rot90` does.

    ```python
    Rotate90()(images)  # [B, W, H, C]
    Rotate90(turns=2)(images)  # upside down
    ```

    Args:
        turns: How many quarter turns, from 0 to 3. Default 1.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels in the layer's compute dtype, `[B, W, H, C]` after one and three turns.

    Raises:
        ValueError: `turns` is out of range, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    moves_pixels = True

    def __init__(self, turns: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.turns = whole_number("turns", turns, 0, 3)

    def transform(self, images: Any) -> Any:
        """Returns the rotated images."""
        if self.turns % 2:
            images = ops.transpose(images, (0, 2, 1, 3))
        flipped: tuple[int, ...] = ((), (1,), (1, 2), (2,))[self.turns]
        for axis in flipped:
            images = ops.flip(images, axis=axis)
        return images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape, height and width exchanged after one and three turns."""
        batch, height, width, channels = input_shape
        sides = (width, height) if self.turns % 2 else (height, width)
        return (batch, *sides, channels)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "turns": self.turns}
