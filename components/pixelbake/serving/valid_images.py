"""Maps over the images of a request so that one bad image costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from pixelbake.preprocessing import PARALLEL_IMAGES

__all__ = ["all_of", "map_valid", "scatter_valid"]


def map_valid(one: Callable[..., Any], encoded: Sequence[Any], spec: Any) -> tuple[Any, Any]:
    """Applies a function to each image, leaving out those for which it fails.

    An error in a TensorFlow kernel ends the whole graph, wherever it stands; only a `tf.data`
    pipeline can step over it. So this is one, inside the graph. It costs a fraction of a
    millisecond a request, and no loader needs to know about it.

    Args:
        one: From string scalars to one tensor.
        encoded: String `[B]` each.
        spec: `tf.TensorSpec` of what `one` returns.

    Returns:
        What `one` returned, `[G, …]`, and the positions int64 `[G]` in the batch, ascending.

    Raises:
        tf.errors.InvalidArgumentError: (at run time) The results have no common shape, so that
            they can't form a batch.
    """
    size = tf.size(encoded[0], tf.int64)
    images = tf.data.Dataset.from_tensor_slices((tf.range(size), *encoded)).map(
        lambda position, *data: (position, tf.ensure_shape(one(*data), spec.shape)),
        num_parallel_calls=PARALLEL_IMAGES,
        deterministic=True,
    )
    images = images.ignore_errors().batch(tf.maximum(size, 1))
    none_of_them = tf.data.Dataset.from_tensors(
        (tf.zeros([0], tf.int64), tf.zeros([0, *(side or 0 for side in spec.shape)], spec.dtype))
    )
    options = tf.data.Options()
    options.autotune.enabled = False  # it starts a thread, and has nothing to learn from one batch
    options.experimental_optimization.apply_default_optimizations = False
    batch = images.concatenate(none_of_them).take(1).with_options(options)
    positions, values = batch.get_single_element()
    return tf.ensure_shape(values, (None, *spec.shape)), positions


def all_of(values: Any, positions: Any, size: Any) -> Any:
    """Returns `values`, if there is one for every image of the request.

    Args:
        values: `[G, …]`, from `map_valid`.
        positions: int64 `[G]`, from `map_valid`.
        size: Number of images in the request, int64 scalar.

    Raises:
        tf.errors.InvalidArgumentError: (at run time) Names the positions that have none.
    """
    missing = tf.where(~scatter_valid(tf.ones_like(positions, tf.bool), positions, size))[:, 0]
    check = tf.debugging.Assert(
        tf.equal(tf.size(missing), 0),
        ["can't decode or transform the images at positions", missing, "of a request of", size],
        summarize=20,
    )
    with tf.control_dependencies([check]):
        return tf.identity(values)


def scatter_valid(values: Any, positions: Any, size: Any) -> Any:
    """Puts each value back to its position in the request; zeros fill the others.

    Args:
        values: `[G, …]`.
        positions: int64 `[G]`.
        size: Number of images in the request, int64 scalar.

    Returns:
        `[size, …]`.
    """
    shape = tf.concat([[size], tf.shape(values, tf.int64)[1:]], 0)
    is_bool = values.dtype == tf.bool
    values = tf.cast(values, tf.int32) if is_bool else values
    scattered = tf.scatter_nd(positions[:, tf.newaxis], values, shape)
    return tf.cast(scattered, tf.bool) if is_bool else scattered
