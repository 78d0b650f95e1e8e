"""Checks of arguments and inputs that the pixel layers share."""

from __future__ import annotations

import math
from typing import Any

from keras import backend

__all__ = [
    "batch_axis_hint",
    "check_images",
    "check_rgb",
    "finite_number",
    "not_fitted",
    "odd_pair",
    "pair",
    "value_range_pair",
    "whole_number",
    "working_dtype",
]


def finite_number(name: str, value: Any, low: float = -math.inf) -> float:
    """Returns a real, finite number of at least `low` as float, or raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number. Received: {name}={value!r}.")
    if value < low:
        raise ValueError(f"{name} must be at least {low:g}. Received: {name}={value!r}.")
    return float(value)


def whole_number(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Returns an integer from `low` to `high`, or raises ValueError."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be an integer {wanted}. Received: {name}={value!r}.")
    return int(value)


def pair(name: str, value: Any) -> tuple[Any, Any]:
    """Returns `(height, width)` of one value for both or a pair of them."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(
                f"{name} must be one value or (height, width). Received: {name}={value!r}."
            )
        return value[0], value[1]
    return value, value


def odd_pair(name: str, value: Any) -> tuple[int, int]:
    """Returns `(height, width)` of a filter, positive odd integers, or raises ValueError."""
    sizes = pair(name, value)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1 or size % 2 == 0:
            raise ValueError(
                f"{name} must be a positive odd integer, or (height, width) of them. Received: "
                f"{name}={value!r}. An even kernel has no centre and would shift the image by "
                "half a pixel."
            )
    return sizes


def value_range_pair(value: Any) -> tuple[float, float]:
    """Returns `(low, high)` as floats, or raises ValueError."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(
            f"value_range must be (low, high). Received: value_range={value!r}. Usual are (0, 1) "
            "and (0, 255)."
        )
    low = finite_number("value_range's low", value[0])
    high = finite_number("value_range's high", value[1])
    if low >= high:
        raise ValueError(
            f"value_range must have low < high. Received: value_range={value!r}. Usual are (0, 1) "
            "and (0, 255)."
        )
    return low, high


def check_images(layer: str, images: Any, what: str = "images") -> None:
    """Refuses what is not a batch of float images.

    Args:
        layer: Name of the layer, for the error.
        images: A tensor; Keras has already turned arrays into tensors.
        what: What the tensor is, for the error.

    Raises:
        ValueError: The tensor has not the rank 4 of `[B, H, W, C]`.
        TypeError: The tensor is not of a float dtype. Integer pixels would be cut to whole steps.
    """
    if len(images.shape) != 4:
        raise ValueError(
            f"{layer} takes {what} of shape [batch, height, width, channels]. Received: shape "
            f"{tuple(images.shape)}.{batch_axis_hint(images.shape)}"
        )
    dtype = backend.standardize_dtype(images.dtype)
    if "float" not in dtype:
        raise TypeError(
            f"{layer} takes float {what}. Received: dtype {dtype}. Cast them first, and scale them "
            "to the layer's value_range if it has one."
        )


def batch_axis_hint(shape: Any) -> str:
    """Returns what to do about a shape that is one image's, or nothing for another shape."""
    if len(shape) != 3:
        return ""
    return " Layers take batches [N, H, W, C]; add a batch axis to one image: image[None]."


def not_fitted(layer: str, arguments: tuple[str, ...]) -> ValueError:
    """Returns the error of a layer that is called before it has been fitted on data."""
    return ValueError(
        f"{layer} is not fitted. Received: {', '.join(f'{name}=None' for name in arguments)}. Run "
        "it in a job, which fits it first, fit it by pixelbake.fit_recipe, or give the values."
    )


def check_rgb(layer: str, shape: tuple[int | None, ...]) -> None:
    """Refuses images that have not the three channels red, green and blue."""
    if shape[-1] != 3:
        raise ValueError(
            f"{layer} takes RGB images of 3 channels. Received: shape {tuple(shape)}. In a recipe, "
            "set decode's channels to 3."
        )


def working_dtype(compute_dtype: str) -> str:
    """Returns the dtype to add pixels in: float32, or float64 for layers of that dtype."""
    return "float64" if compute_dtype == "float64" else "float32"
