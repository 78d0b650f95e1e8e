"""ConditionalPixelTransform: multiplies an image by a learned mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import batch_axis_hint, check_images
from pixelbake.layers.empty_batch import unless_empty

__all__ = ["ConditionalPixelTransform"]


@keras.saving.register_keras_serializable(package="pixelbake")
class ConditionalPixelTransform(keras.Layer):
    """Multiplies an image by a mask in (0, 1) that a trainable convolution makes.

    `image * sigmoid(convolution(mask) + bias)`, where the convolution has one output channel: the
    learned mask has the image's own height and width and is the same for all of its channels.
    The border of `mask` is mirrored, not filled with zeros, so that a flat mask stays flat.

    ```python
    ConditionalPixelTransform()([images, segmentation])  # a mask from elsewhere
    ConditionalPixelTransform()([images, images])  # a mask from the image itself
    ```

    At first the bias is 2 and the mask close to 0.88: nearly the image itself. (A bias of 0 would
    halve the brightness of all images before anything is learned; one of 10 would leave the
    sigmoid no gradient.)

    Args:
        kernel_size: Pixels, a positive odd integer. Default 3.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: `[image, mask]`: float pixels `[B, H, W, C]`, whose black must be 0, and float
            `[B, H, W, M]`, any number of channels each.

    Returns:
        Pixels of the image's shape in the layer's compute dtype.

    Raises:
        ValueError: `kernel_size` is no positive odd integer, or the inputs are not two tensors of
            rank 4 and of one height and width.
        TypeError: An input is not of a float dtype.
    """

    #: In a recipe, this layer is called on `[image, mask]`.
    takes_mask = True

    def __init__(self, kernel_size: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (
            isinstance(kernel_size, bool)
            or not isinstance(kernel_size, int)
            or kernel_size < 1
            or kernel_size % 2 == 0
        ):
            raise ValueError(
                "kernel_size must be a positive odd integer. Received: "
                f"kernel_size={kernel_size!r}."
            )
        self.kernel_size = kernel_size

    def build(self, input_shape: Any) -> None:
        """Makes the weights `kernel` `[k, k, M, 1]` and `bias` `[1]`."""
        _, mask_shape = self._check_shapes(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, mask_shape[-1], 1),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(
            name="bias", shape=(1,), initializer=keras.initializers.Constant(2.0)
        )

    def call(self, inputs: Any) -> Any:
        """Returns the masked images."""
        self._check_shapes([tuple(one.shape) for one in _two(inputs)])
        image, mask = inputs
        check_images("ConditionalPixelTransform", image, "images")
        check_images("ConditionalPixelTransform", mask, "masks")
        return image * self.learned_mask(mask)

    def learned_mask(self, mask: Any) -> Any:
        """Returns the learned mask alone.

        Args:
            mask: Float `[B, H, W, M]`.

        Returns:
            Values in (0, 1), `[B, H, W, 1]`, in the layer's compute dtype.
        """
        return unless_empty(self._mask, ops.cast(mask, self.compute_dtype), 1)

    def _mask(self, mask: Any) -> Any:
        radius = self.kernel_size // 2
        pads = [[0, 0], [radius, radius], [radius, radius], [0, 0]]
        padded = ops.pad(mask, pads, mode="symmetric") if radius else mask
        kernel = ops.cast(self.kernel, self.compute_dtype)
        logits = ops.conv(padded, kernel, padding="valid", data_format="channels_last")
        return ops.sigmoid(logits + ops.cast(self.bias, self.compute_dtype))

    def _check_shapes(self, shapes: Any) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        image, mask = _two(shapes)
        if len(image) != 4 or len(mask) != 4:
            raise ValueError(
                "ConditionalPixelTransform takes [image, mask] of shapes [batch, height, width, "
                f"channels]. Received: shapes {tuple(image)} and {tuple(mask)}."
                f"{batch_axis_hint(image)}"
            )
        for a, b in zip(image[1:3], mask[1:3], strict=True):
            if a is not None and b is not None and a != b:
                raise ValueError(
                    "ConditionalPixelTransform needs image and mask of one height and width. "
                    f"Received: image {tuple(image)}, mask {tuple(mask)}. Resize the mask."
                )
        return tuple(image), tuple(mask)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the image's shape."""
        return self._check_shapes(input_shape)[0]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "kernel_size": self.kernel_size}


def _two(inputs: Any) -> Any:
    """Returns the inputs (or their shapes), or raises ValueError if they are not two."""
    if isinstance(inputs, list | tuple) and len(inputs) == 2:
        return inputs
    if isinstance(inputs, list | tuple) and not all(isinstance(n, int | None) for n in inputs):
        received = f"a list of {len(inputs)}"
    else:
        received = f"one input of shape {tuple(getattr(inputs, 'shape', inputs))}"
    raise ValueError(
        "ConditionalPixelTransform takes [image, mask], or [image, image] for a mask that is made "
        f"of the image itself. Received: {received}."
    )
