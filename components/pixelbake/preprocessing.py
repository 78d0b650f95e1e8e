"""From a recipe to a TFT `preprocessing_fn`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from pixelbake import images
from pixelbake.image_graph import ImageGraph, freeze_image_graph
from pixelbake.plain.parts import Feature, Output
from pixelbake.recipe import Recipe

__all__ = ["PreprocessingFn", "make_preprocessing_fn", "raw_feature_spec"]

#: How many images of a batch are in work at once inside the graph. More gain nothing on few
#: cores; fewer leave cores idle while one image is encoded.
PARALLEL_IMAGES = 16

_DTYPES = {"int64": tf.int64, "float32": tf.float32, "bytes": tf.string}


@dataclass(frozen=True, eq=False)  # by identity: tf.function keeps functions as dict keys
class PreprocessingFn:
    """A `preprocessing_fn` that can be pickled: plain values and the image graph's bytes.

    Attributes:
        image_graph: One image's way from its bytes to pixels.
        image_features: Names of the features with encoded images, in; the first is written, out.
        output: See `Recipe`.
        shape: Static shape `[H, W, C]` of a transformed image; None where it varies.
        passthrough: See `Recipe`.
    """

    image_graph: ImageGraph
    image_features: tuple[str, ...]
    output: Output
    shape: tuple[int | None, ...]
    passthrough: dict[str, Feature]

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Transforms a batch of raw features.

        Args:
            inputs: By feature name; scalars as `[B]`, `[B, 1]` or sparse.

        Returns:
            The image (string `[B]`, or float32 `[B, H, W, C]` for encoding `"float"`) and the
            features passed through, by name.
        """
        if tf.executing_eagerly():  # a GraphDef can be imported into a graph only
            traced: dict[str, Any] = tf.function(self.__call__, autograph=False)(dict(inputs))
            return traced
        for name in (*self.image_features, *self.passthrough):
            _check_feature(inputs, name)
        encoded = tuple(_dense(inputs[name], (), name) for name in self.image_features)
        is_float = self.output.encoding == "float"
        outputs = {
            self.image_features[0]: tf.map_fn(
                lambda one: self._transform(*one),
                encoded,
                fn_output_signature=(
                    tf.TensorSpec(self.shape, tf.float32) if is_float else tf.string
                ),
                parallel_iterations=PARALLEL_IMAGES,
            )
        }
        for name, feature in self.passthrough.items():
            value = inputs[name]
            outputs[name] = value if feature.shape is None else _dense(value, feature.shape, name)
        return outputs

    def _transform(self, *encoded: Any) -> Any:
        """Takes one encoded image all the way, so that it stays in the cache."""
        pixels = tf.ensure_shape(self.image_graph.pixels(*encoded), self.shape)
        return pixels if self.output.encoding == "float" else images.encode(pixels, self.output)


def make_preprocessing_fn(recipe: Recipe) -> PreprocessingFn:
    """Makes the `preprocessing_fn` of a recipe.

    It works in stock `tfx.components.Transform`, in `tft_beam.AnalyzeAndTransformDataset` and in
    pixelbake's own job, and gives the same graph in all of them.

    Args:
        recipe: What to do to the pixels.

    Returns:
        A picklable `preprocessing_fn`. It has no analyzers: its graph needs no pass over data.
    """
    return PreprocessingFn(
        image_graph=freeze_image_graph(recipe),
        image_features=recipe.image_features,
        output=recipe.output,
        shape=recipe.output_shape,
        passthrough=dict(recipe.passthrough),
    )


def raw_feature_spec(recipe: Recipe, serving: bool = False) -> dict[str, Any]:
    """Returns the spec by which `tf.io.parse_example` reads a recipe's input Examples.

    Args:
        recipe: What to do to the pixels.
        serving: Whether to leave out the features passed through, which a request lacks.

    Returns:
        `tf.io.FixedLenFeature` or `tf.io.VarLenFeature` by feature name.
    """
    spec: dict[str, Any] = {recipe.image: tf.io.FixedLenFeature((), tf.string)}
    if recipe.mask is not None:
        spec[recipe.mask] = tf.io.FixedLenFeature((), tf.string)
    if not serving:
        for name, feature in recipe.passthrough.items():
            dtype = _DTYPES[feature.dtype]
            spec[name] = (
                tf.io.VarLenFeature(dtype)
                if feature.shape is None
                else tf.io.FixedLenFeature(feature.shape, dtype)
            )
    return spec


def _check_feature(inputs: Mapping[str, Any], name: str) -> None:
    if name not in inputs:
        raise KeyError(
            f"the recipe needs feature {name!r}. Received: {sorted(inputs)}. Name one of these in "
            "the recipe, or add the feature to the schema."
        )


def _dense(value: Any, shape: tuple[int, ...], name: str) -> Any:
    """Brings `[B]`, `[B, 1]` or sparse values to `[B, *shape]`.

    A batch in which some Example has more or fewer values fails: reshaped as it is, it would give
    one Example's label to another's image.
    """
    size = math.prod(shape)
    if isinstance(value, tf.SparseTensor):
        batch = value.dense_shape[0]
        rows = value.indices[:, 0]
        counts = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, batch)
        values = value.values
    elif isinstance(value, tf.RaggedTensor):
        batch = value.nrows()
        counts = value.row_lengths()
        values = value.flat_values
    else:
        batch = tf.shape(value, tf.int64)[0]
        counts = tf.math.floordiv(tf.size(value, tf.int64), tf.maximum(batch, 1))[tf.newaxis]
        counts = tf.where(batch > 0, counts, tf.constant(size, tf.int64))
        values = value
    message = f"feature {name!r} must have {size} value(s) in every Example"
    check = tf.debugging.assert_equal(counts, tf.constant(size, tf.int64), message)
    with tf.control_dependencies([check]):
        values = tf.identity(values)
    values = tf.reshape(values, tf.concat([[batch], tf.constant(shape, tf.int64)], 0))
    return tf.ensure_shape(values, (None, *shape))
