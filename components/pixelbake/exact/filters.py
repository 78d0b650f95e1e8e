"""Means over neighbourhoods: whole weights, or a division of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.exact.form import Form, White
from pixelbake.exact.grid import (
    FACTOR_END,
    LARGEST_SUM,
    WEIGHT_BITS,
    WHITE,
    quotient,
    times,
    weighted,
)
from pixelbake.layers.gaussian_blur import filtered_along, gaussian_weights
from pixelbake.layers.pixelate import block_means
from pixelbake.recipe.layer import LayerSpec

__all__ = ["box_blur", "gaussian_blur", "pixelate", "sharpen"]

#: How far the weights of one axis may be off in all, in 4096ths: a level, where half of the pixels
#: under a kernel are black and the others white. Kernels of some hundred pixels are beyond it.
_MOST_OFF = 32


def gaussian_blur(spec: LayerSpec, white: White) -> Form | None:
    """Returns `GaussianBlur` with weights that are whole numbers of 2^-12."""
    return _gaussian(spec.build())


def _gaussian(layer: Any) -> Form | None:
    kernels = []
    for axis, size, sigma in zip((1, 2), layer.kernel_size, layer.sigma, strict=True):
        weights = gaussian_weights(size, sigma)
        whole = _whole_weights(weights)
        off = sum(abs(w - x * 2**WEIGHT_BITS) for w, x in zip(whole, weights, strict=True))
        if min(whole) < 0 or off > _MOST_OFF:
            return None
        if size > 1:
            kernels.append((axis, whole))

    def form(image: Any, given: Any) -> Any:
        layer.compute_output_shape(tuple(image.shape))  # refuses images that are too small
        for axis, weights in kernels:
            image = weighted(filtered_along(image, axis, weights))
        return image

    return form


def sharpen(spec: LayerSpec, white: White) -> Form | None:
    """Returns `Sharpen`: whole weights, and a whole number of 4096ths for `amount`."""
    layer = spec.build()
    blur = _gaussian(layer.blur)
    if blur is None or layer.amount >= FACTOR_END:
        return None

    def form(image: Any, given: Any) -> Any:
        sharper = image + times(image - blur(image, given), layer.amount)
        return tf.clip_by_value(sharper, 0.0, WHITE)

    return form


def box_blur(spec: LayerSpec, white: White) -> Form | None:
    """Returns `BoxBlur`: sums, and a division of integers."""
    layer = spec.build()
    if max(layer.kernel_size) * WHITE >= LARGEST_SUM:
        return None

    def form(image: Any, given: Any) -> Any:
        layer.compute_output_shape(tuple(image.shape))
        for axis, size in zip((1, 2), layer.kernel_size, strict=True):
            if size > 1:
                image = quotient(filtered_along(image, axis, [1.0] * size), size)
        return image

    return form


def pixelate(spec: LayerSpec, white: White) -> Form | None:
    """Returns `Pixelate`: sums, and a division of integers."""
    size = spec.build().size
    if max(size) * WHITE >= LARGEST_SUM:
        return None

    def form(image: Any, given: Any) -> Any:
        for axis, side in zip((1, 2), size, strict=True):
            if side > 1:
                image = block_means(image, axis, side, quotient)
        return image

    return form


def _whole_weights(weights: list[float]) -> list[float]:
    """Returns symmetric weights as whole numbers that add up to 2^12; the centre takes the rest."""
    whole = np.rint(np.array(weights) * 2**WEIGHT_BITS)
    whole[len(whole) // 2] += 2**WEIGHT_BITS - whole.sum()
    return [float(weight) for weight in whole]
