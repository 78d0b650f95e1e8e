"""Transformed images as they are stored, back to pixels."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pixelbake.images import decode_stored
from pixelbake.recipe import Recipe

__all__ = ["decode_stored_images"]


def decode_stored_images(stored: Any, recipe: Recipe) -> Any:
    """Decodes a batch of images as the transform graph gives them.

    Args:
        stored: The transform graph's image output: string `[B]`, or float32 `[B, H, W, C]`.
        recipe: The recipe of that graph.

    Returns:
        What `read_examples` gives, batched: uint8 (or float32) `[B, H, W, C]`.

    Raises:
        tf.errors.InvalidArgumentError: (at run time) The images have no common size, so that they
            can't form a batch.
    """
    shape = recipe.output_shape
    if recipe.output.encoding == "float":
        return tf.ensure_shape(stored, (None, *shape))
    return tf.map_fn(
        lambda data: decode_stored(data, recipe.output, shape),
        stored,
        fn_output_signature=tf.TensorSpec(shape, tf.uint8),
    )
