"""Pixelate: large pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import pair, whole_number
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Pixelate", "block_means"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Pixelate(PixelLayer):
    """Gives all pixels of a block the block's mean.

    Blocks are counted from the upper left corner; those at the right and lower border are as
    large as the image leaves them.

    ```python
    Pixelate(8)(images)
    Pixelate((4, 16))(images)
    ```

    Args:
        size: Pixels of a block's side, a positive integer, or `(height, width)` of them.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: `size` is no positive integer, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    def __init__(self, size: int | tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        height, width = pair("size", size)
        self.size = (whole_number("size", height, 1), whole_number("size", width, 1))

    def transform(self, images: Any) -> Any:
        """Returns the images in large pixels."""
        for axis, size in zip((1, 2), self.size, strict=True):
            if size > 1:
                images = block_means(images, axis, size, _mean)
        return images

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}


def block_means(images: Any, axis: int, size: int, mean: Callable[[Any, Any], Any]) -> Any:
    """Gives all pixels of each block along one axis the block's mean.

    Args:
        images: `[B, H, W, C]`.
        axis: 1 (height) or 2 (width).
        size: Pixels of a block.
        mean: From a block's sum and how many pixels it has (int32) to their mean.
    """
    shape = list(ops.shape(images))
    length = shape[axis]
    missing = (-length) % size
    pads = [[0, 0]] * 4
    pads[axis] = [0, missing]
    blocks = (length + missing) // size
    split = [*shape[:axis], blocks, size, *shape[axis + 1 :]]
    total = ops.sum(ops.reshape(ops.pad(images, pads), split), axis=axis + 1, keepdims=True)
    # The last block may hold fewer pixels than the others.
    starts = ops.arange(blocks, dtype="int32") * size
    counts = ops.reshape(
        ops.minimum(length - starts, size), [-1 if i == axis else 1 for i in range(5)]
    )
    means = ops.broadcast_to(mean(total, counts), split)
    whole = ops.reshape(means, [*shape[:axis], -1, *shape[axis + 1 :]])
    return whole[:, :length] if axis == 1 else whole[:, :, :length]


def _mean(total: Any, count: Any) -> Any:
    # Graph optimisers turn a division into this product, in traced functions only.
    return total * (1.0 / ops.cast(count, total.dtype))
