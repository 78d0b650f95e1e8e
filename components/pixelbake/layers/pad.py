"""Pad: a border around an image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, pair, whole_number
from pixelbake.layers.border import mirrored
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["Pad"]

_MODES = ("constant", "reflect", "symmetric")


@keras.saving.register_keras_serializable(package="pixelbake")
class Pad(PixelLayer):
    """Puts a border around images, as `numpy.pad` does.

    ```python
    Pad(2, value=0.5)(images)  # two pixels of gray on all sides
    Pad(((0, 3), (1, 1)), mode="reflect")(images)
    ```

    Args:
        padding: Pixels: one integer, `(height, width)` for both sides of each, or
            `((top, bottom), (left, right))`, as `keras.layers.ZeroPadding2D` takes it.
        mode: `"constant"` (default), `"reflect"` (mirrored at the centre of the last pixel, as
            `GaussianBlur` does), or `"symmetric"` (mirrored at its edge). Both mirror at most the
            whole image.
        value: The border's value for `"constant"`, in units of the pixels. Default 0.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in any range, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels `[B, top + H + bottom, left + W + right, C]` in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or too small.
        TypeError: The input is not of a float dtype.
    """

    moves_pixels = True

    def __init__(
        self,
        padding: int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]],
        mode: str = "constant",
        value: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        rows, columns = pair("padding", padding)
        self.padding = tuple(
            (whole_number("padding", before, 0), whole_number("padding", after, 0))
            for before, after in (pair("padding", rows), pair("padding", columns))
        )
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}.")
        self.mode = mode
        self.value = finite_number("value", value)
        if self.value != 0 and mode != "constant":
            raise ValueError(
                f"value belongs to mode 'constant' only. Received: mode={mode!r}, value={value!r}."
            )

    def transform(self, images: Any) -> Any:
        """Returns the images with their borders."""
        if self.mode == "constant":
            pads = ((0, 0), *self.padding, (0, 0))
            return ops.pad(images, pads, mode="constant", constant_values=self.value)
        for axis, (before, after) in zip((1, 2), self.padding, strict=True):
            images = mirrored(images, axis, before, after, edge_twice=self.mode == "symmetric")
        return images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the input's shape with the border."""
        sizes: list[int | None] = []
        for name, length, pads in zip(
            ("height", "width"), input_shape[1:3], self.padding, strict=True
        ):
            least = {"constant": 0, "reflect": max(pads) + 1, "symmetric": max(pads)}[self.mode]
            if length is not None and length < least:
                raise ValueError(
                    f"Pad with padding={self.padding} and mode={self.mode!r} needs a {name} of at "
                    f"least {least}. Received: shape {tuple(input_shape)}."
                )
            sizes.append(None if length is None else length + sum(pads))
        return (input_shape[0], *sizes, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "padding": self.padding,
            "mode": self.mode,
            "value": self.value,
        }
