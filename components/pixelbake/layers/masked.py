"""Masked: other layers inside and outside of a mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import check_images, working_dtype
from pixelbake.layers.nesting_layer import (
    NestingLayer,
    check_mask_shape,
    layer_chain,
    shape_through,
    through,
)

__all__ = ["Masked"]


@keras.saving.register_keras_serializable(package="pixelbake")
class Masked(NestingLayer):
    """Applies one layer inside of a mask and another outside of it.

    `mask * inside(image) + (1 - mask) * outside(image)`, where the mask is in [0, 1] (what is
    beyond is clipped). Where it is 0 or 1, pixels are exactly those of one side: what is left
    alone keeps its pixels, bit for bit.

    The mask is made by a layer from the image: a region (`BoxMask`, `EllipseMask`,
    `PolygonMask`), the image itself (`ThresholdMask`), a second image feature (`FeatureMask`),
    several of these (`CombinedMask`), or trained layers that end with one channel and a sigmoid.
    A list of layers goes on with what the layer before gave: `Invert()` turns a mask round and
    `GaussianBlur` feathers it.

    ```python
    Masked(BoxMask((0.3, 0.6, 0.7, 0.7)), inside=Fill(0))(images)  # blacks out the plate
    background = [EllipseMask((0.2, 0.1, 0.8, 0.9)), GaussianBlur(9, 3.0), Invert()]
    Masked(background, inside=[GaussianBlur(9, 3.0), Brightness(0.7)])(images)
    trained = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    Masked(trained, outside=Grayscale(output_channels=3))(images)
    ```

    Args:
        mask: A layer from images to a mask `[B, H, W, 1]`, or a list of layers.
        inside: A layer, or a list of layers, that keeps the image's shape. Default None: the
            image itself.
        outside: The same for where the mask is 0.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels `[B, H, W, C]`; `[image, mask]` if one of the layers is over
            `[image, mask]`, as `FeatureMask` is.

    Returns:
        Pixels of the image's shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is no layer, both `inside` and `outside` are None, or a layer
            does not give the shape that it must.
        TypeError: The input is not of a float dtype.
    """

    nested_layers = {"mask": 1, "inside": 1, "outside": 1}  # noqa: RUF012 - never changed
    mask_arguments = ("mask",)

    def __init__(self, mask: Any, inside: Any = None, outside: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask = layer_chain("mask", mask)
        self.inside = None if inside is None else layer_chain("inside", inside)
        self.outside = None if outside is None else layer_chain("outside", outside)
        if inside is None and outside is None:
            raise ValueError(
                "Masked needs a layer for inside, outside or both. Received: inside=None, "
                "outside=None, which would leave the image as it is."
            )

    def chains(self) -> list[list[keras.Layer]]:
        """Returns the layers of the mask, inside and outside."""
        return [chain for chain in (self.mask, self.inside, self.outside) if chain]

    def call(self, inputs: Any) -> Any:
        """Returns the images with other layers applied inside and outside."""
        image, given = self.image_and_mask(inputs)
        check_images("Masked", image)
        self.compute_output_shape(
            tuple(image.shape) if given is None else [tuple(image.shape), tuple(given.shape)]
        )
        dtype = working_dtype(self.compute_dtype)
        image = ops.cast(image, dtype)
        mask = ops.clip(ops.cast(through(self.mask, image, given), dtype), 0.0, 1.0)
        inside = ops.cast(through(self.inside or [], image, given), dtype)
        outside = ops.cast(through(self.outside or [], image, given), dtype)
        return ops.cast(mask * inside + (1.0 - mask) * outside, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the image's shape."""
        image, given = self.image_and_mask(input_shape)
        check_mask_shape("mask", shape_through(self.mask, image, given), image)
        for name, chain in (("inside", self.inside), ("outside", self.outside)):
            shape = shape_through(chain or [], image, given)
            if shape != tuple(image):
                raise ValueError(
                    f"the layers of {name} must keep the image's shape. Received: shape {shape} "
                    f"for an image of shape {tuple(image)}."
                )
        return tuple(image)
