"""Masks on the grid, where `WHITE` is inside, and the layer with a learned one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.exact.colors import luma
from pixelbake.exact.form import Form, White
from pixelbake.exact.grid import STEPS, WEIGHT_BITS, WHITE, lookup, weighted
from pixelbake.recipe.layer import LayerSpec

__all__ = ["conditional_pixel_transform", "feature_mask", "region", "threshold_mask"]

#: Weights of a learned mask are whole numbers of 2^-30: sums in float64 are exact below 2^53.
_FRACTION_BITS = 30
_LARGEST_LOGIT = 2**22

#: Its sigmoid is a table from -16 to 16; in steps of 2^-11 it changes by a quarter of 2^-11.
_TABLE_END = 16
_TABLE_STEPS = 2**11


def region(spec: LayerSpec, white: White) -> Form:
    """Returns the mask of a region: comparisons of coordinates in float64, of no pixels."""
    layer = spec.build("region", "float64")

    def form(image: Any, given: Any) -> Any:
        return tf.cast(layer(tf.cast(image, tf.float64)), tf.float32) * WHITE

    return form


def threshold_mask(spec: LayerSpec, white: White) -> Form:
    """Returns `ThresholdMask`; a pixel of exactly the threshold is not brighter than it."""
    layer = spec.build()
    limit = math.floor(layer.threshold / white.image * WHITE + 1e-6)

    def form(image: Any, given: Any) -> Any:
        if layer.channel is not None:
            seen = image[..., layer.channel : layer.channel + 1]
        else:
            seen = image if image.shape[-1] == 1 else luma(image)
        return tf.cast(seen > limit, tf.float32) * WHITE

    return form


def feature_mask(spec: LayerSpec, white: White) -> Form:
    """Returns `FeatureMask`: the mask itself, or a table of which levels are inside."""
    classes = spec.build().classes
    if classes is None:
        return lambda image, given: given
    table = np.zeros(256)
    table[classes] = WHITE
    return lambda image, given: lookup(table, tf.round(given * (1.0 / STEPS)))


def conditional_pixel_transform(spec: LayerSpec, white: White) -> Form | None:
    """Returns `ConditionalPixelTransform`: whole weights, and the sigmoid by a table.

    The weights of a learned mask have signs and no common sum, so that 24 bits would be few: whole
    numbers in float64 are added up, one pixel of the kernel after the other, which for a single
    channel is faster than TensorFlow's convolution in float64.
    """
    assert spec.weights is not None  # the recipe refuses a layer without its weights
    kernel, bias = (weight.to_array().astype(np.float64) for weight in spec.weights)
    scaled = kernel * (white.given / WHITE)
    if np.abs(scaled).sum() * WHITE + np.abs(bias).sum() >= _LARGEST_LOGIT:
        return None
    weights = np.rint(scaled * 2.0**_FRACTION_BITS)[..., 0]
    start = np.rint(bias * 2.0**_FRACTION_BITS)
    logits = np.arange(-_TABLE_END * _TABLE_STEPS, _TABLE_END * _TABLE_STEPS + 1) / _TABLE_STEPS
    sigmoid = np.rint(2**WEIGHT_BITS / (1 + np.exp(-logits)))
    size, _, _ = weights.shape
    radius = size // 2
    pads = [[0, 0], [radius, radius], [radius, radius], [0, 0]]

    def form(image: Any, given: Any) -> Any:
        padded = tf.cast(tf.pad(given, pads, "SYMMETRIC"), tf.float64)
        height, width = tf.unstack(tf.shape(given)[1:3])
        products = [
            padded[:, row : row + height, column : column + width] * weights[row, column]
            for row in range(size)
            for column in range(size)
        ]
        total = tf.reduce_sum(sum(products), -1, keepdims=True) + start
        logit = tf.clip_by_value(total * 2.0**-_FRACTION_BITS, -_TABLE_END, _TABLE_END)
        index = tf.round((logit + _TABLE_END) * float(_TABLE_STEPS))
        return weighted(image * lookup(sigmoid, index))

    return form
