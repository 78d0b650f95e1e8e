"""The exported module: a model behind the way of its training images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from pixelbake.preprocessing import raw_feature_spec
from pixelbake.recipe import Recipe
from pixelbake.serving.image_way import ImageWay
from pixelbake.serving.valid_images import all_of, map_valid, scatter_valid

__all__ = ["ServingModule"]

_BYTES = ("image_bytes", "mask_bytes")


class ServingModule(tf.Module):
    """A Keras 3 model behind the transform graph that its training data went through.

    A plain `tf.saved_model.save` of a Keras 3 model can't be opened by the V1 session loader that
    BulkInferrer uses; a module that tracks the plain variables can.

    Args:
        model: The model.
        transform_graph: Folder of the transform graph.
        recipe: Its recipe.
    """

    def __init__(self, model: keras.Model, transform_graph: str, recipe: Recipe) -> None:
        super().__init__()
        self._model = model
        self._recipe = recipe
        self.way = ImageWay(transform_graph, recipe)
        self.model_variables = [variable.value for variable in model.variables]

    def signatures(self) -> dict[str, Any]:
        """Returns the traced signatures by name."""
        examples = tf.TensorSpec((None,), tf.string, "examples")
        spec = {
            name: tf.io.FixedLenFeature(one.shape, one.dtype, default_value="")
            for name, one in raw_feature_spec(self._recipe, serving=True).items()
        }
        names = _BYTES[: len(self._recipe.image_features)]
        encoded_images = [tf.TensorSpec((None,), tf.string, name) for name in names]
        pixels = self.way.pixels_spec
        batch_of_pixels = tf.TensorSpec((None, *pixels.shape), pixels.dtype, "pixels")

        def parse(examples: Any) -> list[Any]:
            features = tf.io.parse_example(examples, spec)
            return [_present(features[name], name) for name in self._recipe.image_features]

        @tf.function(input_signature=[examples], autograph=False)
        def serve_examples(examples: Any) -> dict[str, Any]:
            return self._predict(_of_all(self.way.pixels, parse(examples), pixels))

        @tf.function(input_signature=encoded_images, autograph=False)
        def serve_image_bytes(*encoded: Any) -> dict[str, Any]:
            return self._predict(_of_all(self.way.pixels, encoded, pixels))

        @tf.function(input_signature=encoded_images, autograph=False)
        def serve_valid_images(*encoded: Any) -> dict[str, Any]:
            return self._predict_valid(*encoded)

        @tf.function(input_signature=[batch_of_pixels], autograph=False)
        def serve_pixels(pixels: Any) -> dict[str, Any]:
            return self._predict(pixels)

        @tf.function(input_signature=[examples], autograph=False)
        def transform_features(examples: Any) -> dict[str, Any]:
            stored = _of_all(self.way.stored, parse(examples), self.way.stored_spec)
            return {self._recipe.image: stored}

        signatures = {
            "serving_default": serve_examples,
            "serve_image_bytes": serve_image_bytes,
            "serve_valid_images": serve_valid_images,
            "serve_pixels": serve_pixels,
            "transform_features": transform_features,
        }
        # Keep the functions: a signature whose function is gone can't be saved.
        self.functions = tuple(signatures.values())
        if self.way.image_graph is not None:
            scalars = [tf.TensorSpec((), tf.string, name) for name in names]
            self.stages = tf.function(
                self.way.image_graph.stages, input_signature=scalars, autograph=False
            )
        return signatures

    def _predict(self, pixels: Any) -> dict[str, Any]:
        outputs = self._model(pixels, training=False)
        if isinstance(outputs, dict):
            return {name: tf.identity(value, name=name) for name, value in outputs.items()}
        if isinstance(outputs, list | tuple):
            return dict(zip(self._model.output_names, outputs, strict=True))
        return {"outputs": tf.identity(outputs, name="outputs")}

    def _predict_valid(self, *encoded: Any) -> dict[str, Any]:
        """Predicts on black images in place of invalid ones, so that the batch is never empty."""
        size = tf.size(encoded[0], tf.int64)
        pixels, positions = map_valid(self.way.pixels, encoded, self.way.pixels_spec)
        valid = scatter_valid(tf.ones_like(positions, tf.bool), positions, size)
        outputs = self._predict(scatter_valid(pixels, positions, size))
        if "valid" in outputs:
            raise ValueError(
                "the model has an output named 'valid', which is what the signature "
                f"serve_valid_images calls its own. Received: outputs {sorted(outputs)}. Rename it."
            )
        blanked = {name: _blank(value, valid) for name, value in outputs.items()}
        return {**blanked, "valid": valid}


def _present(encoded: Any, name: str) -> Any:
    """Names the positions of Examples that lack a feature; TensorFlow's own error doesn't."""
    missing = tf.where(tf.equal(encoded, ""))[:, 0]
    check = tf.debugging.Assert(
        tf.equal(tf.size(missing), 0),
        [f"feature {name} is missing or empty in the Examples at positions", missing],
        summarize=20,
    )
    with tf.control_dependencies([check]):
        return tf.identity(encoded)


def _of_all(one: Callable[..., Any], encoded: Any, spec: Any) -> Any:
    values, positions = map_valid(one, encoded, spec)
    return all_of(values, positions, tf.size(encoded[0], tf.int64))


def _blank(values: Any, valid: Any) -> Any:
    """Puts NaN (zero, where the dtype has none) in the rows that are not valid."""
    filler = float("nan") if values.dtype.is_floating else "" if values.dtype == tf.string else 0
    rows = tf.reshape(valid, [-1, *[1] * (values.shape.rank - 1)])
    return tf.where(rows, values, tf.cast(filler, values.dtype))
