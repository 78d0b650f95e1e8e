"""Flip: the mirror image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Flip"]

_AXES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}


@keras.saving.register_keras_serializable(package="pixelbake")
class Flip(PixelLayer):
    """Mirrors images.

    ```python
    Flip("horizontal")(images)  # left becomes right
    ```

    Args:
        mode: `"horizontal"`, `"vertical"` or `"horizontal_and_vertical"`, as
            `keras.layers.RandomFlip` names them.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: `mode` is none of these, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    moves_pixels = True

    def __init__(self, mode: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in _AXES:
            raise ValueError(f"mode must be one of {', '.join(_AXES)}. Received: mode={mode!r}.")
        self.mode = mode

    def transform(self, images: Any) -> Any:
        """Returns the mirrored images."""
        for axis in _AXES[self.mode]:
            images = ops.flip(images, axis=axis)
        return images

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "mode": self.mode}
