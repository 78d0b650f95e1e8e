"""The recipe as TensorFlow ops, as a user without pixelbake would write it well."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from bench.case import BRIGHTNESS, JPEG_QUALITY, KERNEL_SIZE, SIGMA, Case

__all__ = ["transform_one"]


def transform_one(jpeg: Any, case: Case) -> Any:
    """Takes one encoded image all the way. Image by image it stays in the cache.

    Layers over whole batches, between one `map_fn` that decodes and one that encodes, and two
    one-dimensional passes were tried in its place: neither was faster.
    """
    pixels = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
    if case.resize is None:
        pixels = tf.cast(pixels, tf.float32)
    else:
        pixels = tf.image.resize(pixels, (case.resize, case.resize), antialias=True)
    pixels = tf.clip_by_value(pixels * BRIGHTNESS, 0.0, 255.0)[tf.newaxis]
    radius = KERNEL_SIZE // 2
    pixels = tf.pad(pixels, [[0, 0], [radius, radius], [radius, radius], [0, 0]], mode="REFLECT")
    pixels = tf.nn.depthwise_conv2d(pixels, _kernel(), [1, 1, 1, 1], "VALID")[0]
    pixels = tf.cast(tf.round(tf.clip_by_value(pixels, 0.0, 255.0)), tf.uint8)
    return tf.io.encode_jpeg(pixels, quality=JPEG_QUALITY)


def _kernel() -> Any:
    radius = KERNEL_SIZE // 2
    line = [math.exp(-(i * i) / (2.0 * SIGMA * SIGMA)) for i in range(-radius, radius + 1)]
    square = tf.constant([[a * b / sum(line) ** 2 for b in line] for a in line], tf.float32)
    return tf.tile(square[:, :, tf.newaxis, tf.newaxis], (1, 1, 3, 1))
