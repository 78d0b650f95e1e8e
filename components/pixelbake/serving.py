"""Bakes the transform graph into a model's serving signatures."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from pixelbake.preprocessing import raw_feature_spec
from pixelbake.recipe import Recipe
from pixelbake.stored_images import decode_stored_images
from pixelbake.transform_graph import load_transform, read_recipe

__all__ = ["export_serving_model"]


class _ServingModule(tf.Module):
    """A Keras 3 model behind the transform graph that its training data went through.

    A plain `tf.saved_model.save` of a Keras 3 model can't be opened by the V1 session loader that
    BulkInferrer uses; a module that tracks the plain variables can.
    """

    def __init__(self, model: keras.Model, transform_graph: str, recipe: Recipe) -> None:
        super().__init__()
        self._model = model
        self._recipe = recipe
        self.transform_graph, self._transform = load_transform(transform_graph)
        self.model_variables = [variable.value for variable in model.variables]

    def _predict(self, features: dict[str, Any]) -> dict[str, Any]:
        transformed = self._transform(features)
        images = decode_stored_images(transformed[self._recipe.image], self._recipe)
        outputs = self._model(images, training=False)
        if isinstance(outputs, dict):
            return {name: tf.identity(value, name=name) for name, value in outputs.items()}
        if isinstance(outputs, list | tuple):
            return dict(zip(self._model.output_names, outputs, strict=True))
        return {"outputs": tf.identity(outputs, name="outputs")}

    def signatures(self) -> dict[str, Any]:
        """Returns the traced signatures by name."""
        examples = tf.TensorSpec((None,), tf.string, "examples")
        spec = raw_feature_spec(self._recipe, serving=True)

        @tf.function(input_signature=[examples], autograph=False)
        def serve_examples(examples: Any) -> dict[str, Any]:
            return self._predict(tf.io.parse_example(examples, spec))

        @tf.function(input_signature=[examples], autograph=False)
        def transform_features(examples: Any) -> dict[str, Any]:
            features = tf.io.parse_example(examples, spec)
            return {self._recipe.image: self._transform(features)[self._recipe.image]}

        names = ["image_bytes", "mask_bytes"][: len(self._recipe.image_features)]
        bytes_specs = [tf.TensorSpec((None,), tf.string, name) for name in names]

        @tf.function(input_signature=bytes_specs, autograph=False)
        def serve_image_bytes(*encoded: Any) -> dict[str, Any]:
            return self._predict(dict(zip(self._recipe.image_features, encoded, strict=True)))

        # Keep the functions: a signature whose function is gone can't be saved.
        self.functions = (serve_examples, serve_image_bytes, transform_features)
        return {
            "serving_default": serve_examples,
            "serve_image_bytes": serve_image_bytes,
            "transform_features": transform_features,
        }


def export_serving_model(
    model: keras.Model, transform_output: Any, path: str, *, recipe: Recipe | None = None
) -> None:
    """Writes a SavedModel that takes raw encoded images and holds the transform graph inside.

    Whoever loads it needs nothing but TensorFlow. Signatures:

    - `serving_default`: `examples`, string `[B]`: serialised `tf.train.Example`s with the recipe's
      image feature (and mask), as in the raw TFRecords. Other features are not needed.
    - `serve_image_bytes`: `image_bytes` (and `mask_bytes`), string `[B]`: encoded JPEG or PNG
      images. (The suffix `_bytes` is TensorFlow Serving's sign for base64 in REST requests.)
    - `transform_features`: `examples`, string `[B]`, to the transformed image as it is stored.

    The first two return the model's outputs: under the names of its dict, under `output_names` for
    a list, and as `outputs` for a single tensor.

    Args:
        model: A Keras 3 model that takes what `read_examples` gives, batched: uint8 (float32 for
            output encoding `"float"`) `[B, H, W, C]`.
        transform_output: The folder of the transform graph that made the training data, or the
            `tft.TFTransformOutput` of it.
        path: The folder to write to.
        recipe: The recipe, for a transform graph made by another component than pixelbake's.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model does not take the recipe's images, or not them alone.
        RunError: The transform graph's folder holds no recipe.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"model must be a Keras 3 model (keras.Model). Received: {type(model)}. tf.keras may "
            "be Keras 2; build the model with `import keras`."
        )
    graph = str(getattr(transform_output, "transform_savedmodel_dir", transform_output))
    if graph != str(transform_output):
        graph = graph.rstrip("/").rsplit("/", 1)[0]
    recipe = recipe or read_recipe(graph)
    _check_takes_images(model, recipe)
    module = _ServingModule(model, graph, recipe)
    tf.saved_model.save(module, path, signatures=module.signatures())


def _check_takes_images(model: keras.Model, recipe: Recipe) -> None:
    """Calls the model once on black images, which also makes variables not made before."""
    inputs = getattr(model, "inputs", None)  # a subclassed model, or one never built, has none
    if inputs is not None and len(inputs) != 1:
        raise ValueError(
            f"the model must take the image alone. Received: {len(inputs)} inputs "
            f"{[i.name for i in inputs]}."
        )
    dtype = "float32" if recipe.output.encoding == "float" else "uint8"
    shape = (1, *(size or 64 for size in recipe.output_shape))
    try:
        model(tf.zeros(shape, dtype), training=False)
    except Exception as error:
        raise ValueError(
            f"the model does not take the recipe's images, {dtype} of shape "
            f"{('batch', *recipe.output_shape)}: {error}"
        ) from error
