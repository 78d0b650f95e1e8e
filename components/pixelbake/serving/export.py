"""Bakes a transform graph into a model's serving signatures."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pixelbake.recipe import Recipe
from pixelbake.serving.golden import write_golden
from pixelbake.serving.module import ServingModule
from pixelbake.transform_graph import read_recipe, write_recipe

__all__ = ["EXTRA_DIR", "export_serving_model"]

#: Where the export keeps what no signature needs; TensorFlow leaves `assets.extra` to users.
EXTRA_DIR = "assets.extra/pixelbake"


def export_serving_model(
    model: keras.Model,
    transform_output: Any,
    path: str,
    *,
    recipe: Recipe | None = None,
    golden: Sequence[bytes] = (),
) -> None:
    """Writes a SavedModel that takes raw encoded images and holds the transform graph inside.

    Whoever loads it needs nothing but TensorFlow. Signatures:

    - `serving_default`: `examples`, string `[B]`: serialised `tf.train.Example`s with the recipe's
      image feature (and mask), as in the raw TFRecords. Other features are not needed.
    - `serve_image_bytes`: `image_bytes` (and `mask_bytes`), string `[B]`: encoded JPEG or PNG
      images. (The suffix `_bytes` is TensorFlow Serving's sign for base64 in REST requests.)
    - `serve_valid_images`: as `serve_image_bytes`, for requests in which some images may be bad.
      Beside the model's outputs it returns `valid`, bool `[B]`; the rows of images that can't be
      decoded or transformed hold NaN, or zero where the dtype has no NaN.
    - `serve_pixels`: `pixels`, uint8 (float32 for output encoding `"float"`) `[B, H, W, C]`:
      images as `read_examples` gives them, straight to the model.
    - `transform_features`: `examples`, string `[B]`, to the transformed image as it is stored.

    All but the last return the model's outputs: under the names of its dict, under `output_names`
    for a list, and as `outputs` for a single tensor. One bad image fails the whole request in all
    but `serve_valid_images`; the error names the positions of the bad ones.

    In `assets.extra/pixelbake` of the export lie the recipe and golden Examples with the pixels
    that the export must make of them. `pixelbake verify` goes by them, on any machine.

    Args:
        model: A Keras 3 model that takes what `read_examples` gives, batched: uint8 (float32 for
            output encoding `"float"`) `[B, H, W, C]`.
        transform_output: The folder of the transform graph that made the training data, or the
            `tft.TFTransformOutput` of it.
        path: The folder to write to.
        recipe: The recipe, for a transform graph made by another component than pixelbake's.
        golden: A few raw Examples of your own to be golden, in place of the parts of photographs
            that pixelbake brings.

    Raises:
        TypeError: `model` is no Keras 3 model.
        ValueError: The model does not take the recipe's images, or not them alone; or it has an
            output named `valid`; or one of `golden` can't be transformed.
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
    module = ServingModule(model, graph, recipe)
    tf.saved_model.save(module, path, signatures=module.signatures())
    extra = posixpath.join(path, EXTRA_DIR)
    tf.io.gfile.makedirs(extra)
    write_recipe(recipe, extra)
    write_golden(module.way, recipe, golden, extra)


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
        varies = None in recipe.output_shape
        advice = ". A recipe with a resize gives images of one size" if varies else ""
        raise ValueError(
            f"the model does not take the recipe's images, {dtype} of shape "
            f"{('batch', *recipe.output_shape)}: {error}{advice}"
        ) from error
