"""FeatureMask: a mask that comes with the image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import batch_axis_hint, check_images, whole_number, working_dtype
from pixelbake.layers.levels import to_levels

__all__ = ["FeatureMask"]


@keras.saving.register_keras_serializable(package="pixelbake")
class FeatureMask(keras.Layer):
    """Gives the mask that comes with the image: in a recipe, its second image feature.

    ```python
    FeatureMask()([images, segmentation])  # the segmentation itself
    Masked(FeatureMask(classes=[3, 7]), outside=Fill(0))([images, segmentation])
    ```

    Args:
        classes: 8-bit values of the mask, from 0 to 255, that count as inside: a segmentation
            PNG often holds one number per class. Default None: the mask itself, from 0 (outside)
            to 1 (inside).
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: `[image, mask]`: float `[B, H, W, C]`, which is left aside, and float
            `[B, H, W, 1]` in [0, 1].

    Returns:
        A mask `[B, H, W, 1]` in the layer's compute dtype.

    Raises:
        ValueError: A class is none, or the inputs are not two of one height and width.
        TypeError: An input is not of a float dtype.
    """

    takes_mask = True

    #: It is no use without `Recipe.mask`.
    needs_mask = True

    def __init__(self, classes: list[int] | None = None, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        if classes is not None and (not isinstance(classes, list | tuple) or not classes):
            raise ValueError(
                f"classes must be a list of 8-bit values. Received: classes={classes!r}."
            )
        self.classes = (
            None
            if classes is None
            else sorted({whole_number("classes", c, 0, 255) for c in classes})
        )

    def build(self, input_shape: Any) -> None:
        """Makes nothing: there are no weights."""

    def call(self, inputs: Any) -> Any:
        """Returns the mask."""
        self.compute_output_shape([tuple(one.shape) for one in _two(inputs)])
        image, mask = inputs
        check_images("FeatureMask", image, "images")
        check_images("FeatureMask", mask, "masks")
        if self.classes is not None:
            dtype = working_dtype(self.compute_dtype)
            levels = to_levels(ops.cast(mask, dtype), (0.0, 1.0))
            mask = ops.zeros_like(levels)
            for value in self.classes:
                mask = ops.maximum(mask, ops.cast(levels == value, dtype))
        return ops.cast(mask, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the mask's shape."""
        image, mask = _two(input_shape)
        if len(image) != 4 or len(mask) != 4 or mask[3] != 1:
            raise ValueError(
                "FeatureMask takes [image, mask] of shapes [batch, height, width, channels] and "
                f"[batch, height, width, 1]. Received: shapes {tuple(image)} and {tuple(mask)}."
                f"{batch_axis_hint(image)}"
            )
        for a, b in zip(image[1:3], mask[1:3], strict=True):
            if a is not None and b is not None and a != b:
                raise ValueError(
                    "FeatureMask needs image and mask of one height and width. Received: image "
                    f"{tuple(image)}, mask {tuple(mask)}. Resize the mask."
                )
        return tuple(mask)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "classes": self.classes}


def _two(inputs: Any) -> Any:
    if not isinstance(inputs, list | tuple) or len(inputs) != 2:
        count = len(inputs) if isinstance(inputs, list | tuple) else 1
        raise ValueError(f"FeatureMask takes [image, mask]. Received: {count} input.")
    return inputs
