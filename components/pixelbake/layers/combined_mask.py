"""CombinedMask: the union or the intersection of masks."""

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

__all__ = ["CombinedMask"]

_MODES = {"union": ops.maximum, "intersection": ops.minimum}


@keras.saving.register_keras_serializable(package="pixelbake")
class CombinedMask(NestingLayer):
    """Makes one mask of several: the greatest of their values, or the smallest.

    On masks of 0 and 1 that is "or" and "and"; "not" is `Invert()` after a mask.

    ```python
    CombinedMask("union", [BoxMask((0, 0, 0.5, 0.5)), EllipseMask((0.3, 0.3, 1, 1))])(images)
    # what is bright, but not in the upper half
    CombinedMask("intersection", [ThresholdMask(0.5), [BoxMask((0, 0, 1, 0.5)), Invert()]])(images)
    ```

    Args:
        mode: `"union"` (the greatest value) or `"intersection"` (the smallest).
        masks: Two or more masks, each a layer from images to a mask `[B, H, W, 1]`, or a list of
            layers.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels `[B, H, W, C]`; `[image, mask]` if one of the layers is over
            `[image, mask]`, as `FeatureMask` is.

    Returns:
        A mask `[B, H, W, 1]` in the layer's compute dtype.

    Raises:
        ValueError: An argument is not what it must be, or a layer does not give a mask.
        TypeError: The input is not of a float dtype.
    """

    nested_layers = {"masks": 2}  # noqa: RUF012 - never changed
    mask_arguments = ("masks",)

    def __init__(self, mode: str, masks: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}.")
        if not isinstance(masks, list | tuple) or len(masks) < 2:
            raise ValueError(f"masks must be a list of at least two. Received: masks={masks!r}.")
        self.mode = mode
        self.masks = [layer_chain("masks", mask) for mask in masks]

    def chains(self) -> list[list[keras.Layer]]:
        """Returns the layers of each mask."""
        return list(self.masks)

    def call(self, inputs: Any) -> Any:
        """Returns the combined mask."""
        image, given = self.image_and_mask(inputs)
        check_images("CombinedMask", image)
        self.compute_output_shape(
            tuple(image.shape) if given is None else [tuple(image.shape), tuple(given.shape)]
        )
        dtype = working_dtype(self.compute_dtype)
        image = ops.cast(image, dtype)
        combined, *others = (ops.cast(through(chain, image, given), dtype) for chain in self.masks)
        for other in others:
            combined = _MODES[self.mode](combined, other)
        return ops.cast(combined, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns `[B, H, W, 1]`."""
        image, given = self.image_and_mask(input_shape)
        for chain in self.masks:
            check_mask_shape("masks", shape_through(chain, image, given), image)
        return (*tuple(image)[:3], 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, layers as Keras serialises them."""
        return {**super().get_config(), "mode": self.mode}
