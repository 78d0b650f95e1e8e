"""PixelLayer: what the layers over one batch of images have in common."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_images, working_dtype

__all__ = ["PixelLayer"]


class PixelLayer(keras.Layer):
    """Base of the layers over one batch of images: a subclass writes `transform` and `get_config`.

    The input is checked, `transform` sees float32 whatever the dtype policy is, but for float64
    (sums and thresholds over 16-bit pixels would be off by whole gray levels), and its result is
    cast to the layer's compute dtype. Its shape is the input's unless `compute_output_shape` is
    overridden.
    """

    #: Whether pixels change their places. In a recipe, the mask is then moved with the image.
    moves_pixels = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Returns the transformed images in the layer's compute dtype."""
        check_images(type(self).__name__, inputs)
        self.compute_output_shape(tuple(inputs.shape))  # refuses shapes that can't be taken
        images = ops.cast(inputs, working_dtype(self.compute_dtype))
        return ops.cast(self.transform(images), self.compute_dtype)

    def transform(self, images: Any) -> Any:
        """Transforms float images `[B, H, W, C]`; H and W may be unknown when tracing."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape."""
        return tuple(input_shape)
