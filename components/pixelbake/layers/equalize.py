"""Equalize: a flat histogram."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import value_range_pair
from pixelbake.layers.levels import from_levels, to_levels
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Equalize"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Equalize(PixelLayer):
    """Spreads the gray levels of every channel of every image, so that all are equally frequent.

    Defined on 8-bit pixels, to which the input is rounded first; computed with integers only.
    Equal to Pillow's `ImageOps.equalize`: of the pixels below a level and half a step, every
    full step counts as one level, and a step is a 255th of the pixels below the brightest level.
    (`keras.layers.Equalization` does nothing at inference.)

    ```python
    Equalize()(images)
    ```

    Args:
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: `value_range` is none, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    def __init__(self, value_range: tuple[float, float] = (0.0, 1.0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the equalized images."""
        levels = ops.cast(to_levels(images, self.value_range), "int32")
        batch, _, _, channels = ops.shape(levels)
        # One histogram of 256 bins for each channel of each image, all in one row.
        planes = ops.reshape(ops.arange(batch * channels, dtype="int32"), (batch, 1, 1, channels))
        bins = levels + 256 * planes
        flat = ops.reshape(bins, (-1,))
        counts = ops.segment_sum(ops.ones_like(flat), flat, num_segments=256 * batch * channels)
        tables = ops.reshape(_tables(ops.reshape(counts, (-1, 256))), (-1,))
        equalized = ops.cast(ops.take(tables, bins), images.dtype)
        return from_levels(equalized, self.value_range)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "value_range": self.value_range}


def _tables(counts: Any) -> Any:
    """Returns the new level of each level, int32 `[N, 256]`, of histograms `[N, 256]`."""
    up_to = ops.cumsum(counts, axis=-1)
    below = up_to - counts
    # Where the cumulated count reaches its end stands the brightest level that occurs.
    most = ops.max(ops.where(counts > 0, below, 0), axis=-1, keepdims=True, initial=0)
    step = most // 255
    spread = ops.minimum((below + step // 2) // ops.maximum(step, 1), 255)
    # Too few pixels for a step: Pillow leaves the channel as it is.
    return ops.where(step > 0, spread, ops.arange(256, dtype="int32"))
