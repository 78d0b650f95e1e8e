"""Layers over the channels of a pixel, or over all pixels of a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.exact.form import Form, White
from pixelbake.exact.grid import FACTOR_END, STEPS, WHITE, lookup, quotient, times, weighted
from pixelbake.recipe.layer import LayerSpec

__all__ = [
    "brightness",
    "brightness_normalization",
    "contrast",
    "fill",
    "grayscale",
    "hue",
    "luma",
    "over_levels",
    "saturation",
]

#: ITU-R BT.601 in 4096ths.
_LUMA = (1225.0, 2404.0, 467.0)


def luma(image: Any) -> Any:
    """Returns the luma `[B, H, W, 1]` of RGB pixels on the grid."""
    return weighted(sum(image[..., i : i + 1] * weight for i, weight in enumerate(_LUMA)))


def grayscale(spec: LayerSpec, white: White) -> Form:
    """Returns `Grayscale` with whole weights."""
    channels = spec.build().output_channels
    return lambda image, given: tf.repeat(luma(image), channels, axis=-1)


def fill(spec: LayerSpec, white: White) -> Form:
    """Returns `Fill` with its colour on the grid."""
    color = np.rint(np.array(spec.build().color) / white.image * WHITE)
    return lambda image, given: tf.zeros_like(image) + tf.constant(color, tf.float32)


def over_levels(spec: LayerSpec, white: White) -> Form:
    """Returns `Equalize` or `CLAHE`, which take and give whole levels, on pixels in 0..255.

    The one computes with integers; in float64 the other rounds as if it did.
    """
    config = {**spec.config, "value_range": [0, 255]}
    layer = LayerSpec(layer=spec.layer, config=config).build("over_levels", "float64")

    def form(image: Any, given: Any) -> Any:
        return tf.cast(layer(tf.cast(image, tf.float64) * (1.0 / STEPS)), tf.float32) * STEPS

    return form


def brightness(spec: LayerSpec, white: White) -> Form | None:
    """Returns `Brightness` with a whole number of 4096ths for its factor."""
    return _scaled(spec.build().factor)


def brightness_normalization(spec: LayerSpec, white: White) -> Form | None:
    """Returns `BrightnessNormalization`, which is `Brightness` with a fitted factor."""
    layer = spec.build()
    return _scaled(layer.target_mean / layer.mean)


def _scaled(factor: float) -> Form | None:
    if factor >= FACTOR_END:
        return None
    return lambda image, given: tf.minimum(times(image, factor), WHITE)


def contrast(spec: LayerSpec, white: White) -> Form | None:
    """Returns `Contrast`: an int64 sum for the mean, and 4096ths for the factor."""
    factor = spec.build().factor
    if factor >= FACTOR_END:
        return None

    def form(image: Any, given: Any) -> Any:
        total = tf.reduce_sum(tf.cast(image, tf.int64), (1, 2), keepdims=True)
        count = tf.reduce_prod(tf.shape(image, tf.int64)[1:3])
        mean = tf.cast((2 * total + count) // (2 * count), tf.float32)
        return tf.clip_by_value(mean + times(image - mean, factor), 0.0, WHITE)

    return form


def saturation(spec: LayerSpec, white: White) -> Form | None:
    """Returns `Saturation`: the smaller of `(v - x) * factor` and `(v - x) * v / (v - m)`."""
    factor = spec.build().factor
    if factor >= FACTOR_END:
        return None

    def form(image: Any, given: Any) -> Any:
        value = tf.reduce_max(image, -1, keepdims=True)
        chroma = value - tf.reduce_min(image, -1, keepdims=True)
        away = value - image
        most = quotient(away * value, tf.maximum(chroma, 1.0))
        return value - tf.minimum(times(away, factor), most)

    return form


def hue(spec: LayerSpec, white: White) -> Form:
    """Returns `Hue` in integers: a hue is a whole number of sixths of the circle times chroma.

    HSV to RGB without branches: channel n is `v - c * clip(min(k, 4 - k), 0, 1)` for
    `k = (n + hue) mod 6` and n = 5, 3, 1; all hues are multiplied by c here, which leaves no
    fractions but those of the turn itself.
    """
    turns = np.rint(6.0 * spec.build().factor * np.arange(WHITE + 1, dtype=np.float64))

    def form(image: Any, given: Any) -> Any:
        pixels = tf.cast(image, tf.int32)
        red, green, blue = (pixels[..., i : i + 1] for i in range(3))
        value = tf.reduce_max(pixels, -1, keepdims=True)
        chroma = value - tf.reduce_min(pixels, -1, keepdims=True)
        sector = tf.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma)
        sector = tf.where(value == red, green - blue, sector)
        turned = sector + tf.cast(lookup(turns, chroma), tf.int32)
        circle = tf.maximum(6 * chroma, 1)
        k = tf.math.floormod(turned + chroma * tf.constant([5, 3, 1]), circle)
        less = tf.clip_by_value(tf.minimum(k, 4 * chroma - k), 0, chroma)
        return tf.cast(value - less, tf.float32)

    return form
