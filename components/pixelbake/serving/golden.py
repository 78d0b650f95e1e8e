"""Golden Examples: raw images in the export, and the pixels it must make of them anywhere.

The images are parts of the two photographs that scikit-learn ships: china.jpg (author: Yang Liu)
and flower.jpg (author: danielbuechele), both CC BY 2.0, made smaller.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.recipe import Recipe
from pixelbake.serving.image_way import ImageWay

__all__ = ["GOLDEN_FILE", "write_golden"]

GOLDEN_FILE = "golden.tfrecord"

_IMAGES = ("china.jpg", "flower.jpg", "flower.png")


def write_golden(way: ImageWay, recipe: Recipe, own: Sequence[bytes], folder: str) -> None:
    """Writes Examples with what the export makes of them here and now.

    Each record is an Example with `example` (the raw Example), `pixels` (a serialised tensor
    `[H, W, C]`, what the model sees of it) and `sha256` (hex, of the pixels' bytes).

    Args:
        way: The export's way from an encoded image to pixels.
        recipe: Its recipe.
        own: Raw Examples to take in place of those that pixelbake brings.
        folder: The folder to write `golden.tfrecord` to.

    Raises:
        ValueError: One of `own` has no image that can be transformed.
    """
    scalars = [tf.TensorSpec((), tf.string)] * len(recipe.image_features)
    pixels_of = tf.function(way.pixels, input_signature=scalars, autograph=False)
    records = []
    for i, example in enumerate(own or _shipped(recipe)):
        try:
            encoded = _images_in(example, recipe)
            pixels = pixels_of(*map(tf.constant, encoded)).numpy()
        except (IndexError, tf.errors.OpError) as error:
            if own:
                raise ValueError(
                    f"golden[{i}] can't be transformed: {error or 'it has no image'}. Expected a "
                    f"serialised Example with {', '.join(recipe.image_features)}."
                ) from error
            continue  # a recipe may want larger images, or other channels
        records.append(_record(example, pixels))
    if records:
        with tf.io.TFRecordWriter(posixpath.join(folder, GOLDEN_FILE)) as writer:
            for record in records:
                writer.write(record)


def _record(example: bytes, pixels: np.ndarray) -> bytes:
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    return _example(
        example=example,
        pixels=tf.io.serialize_tensor(pixels).numpy(),
        sha256=digest.encode(),
    )


def _shipped(recipe: Recipe) -> list[bytes]:
    examples = []
    for name in _IMAGES:
        path = resources.files("pixelbake.serving") / "golden_images" / name
        features = {recipe.image: path.read_bytes()}
        if recipe.mask is not None:
            gray = tf.io.decode_image(features[recipe.image], channels=1, expand_animations=False)
            features[recipe.mask] = tf.io.encode_png(gray).numpy()
        examples.append(_example(**features))
    return examples


def _images_in(example: bytes, recipe: Recipe) -> list[bytes]:
    features = tf.train.Example.FromString(example).features.feature
    return [features[name].bytes_list.value[0] for name in recipe.image_features]


def _example(**features: Any) -> bytes:
    example = tf.train.Example()
    for name, value in features.items():
        example.features.feature[name].bytes_list.value.append(value)
    return bytes(example.SerializeToString(deterministic=True))
