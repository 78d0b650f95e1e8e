"""The transform graph on disk: written in TFT's format, opened with plain TensorFlow."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from pixelbake.errors import RunError
from pixelbake.image_graph import ImageGraph
from pixelbake.preprocessing import make_preprocessing_fn, raw_feature_spec
from pixelbake.recipe import Recipe

__all__ = [
    "has_recipe",
    "load_transform",
    "read_image_graph",
    "read_recipe",
    "write_recipe",
    "write_transform_graph",
]

IMAGE_GRAPH_FILE = "image_graph.pb"
RECIPE_FILE = "recipe.json"
TRANSFORM_FN_DIR = "transform_fn"


def write_transform_graph(recipe: Recipe, path: str) -> None:
    """Traces a recipe's `preprocessing_fn` and writes the graph, without looking at any data.

    Args:
        recipe: What to do to the pixels. It has no analyzers, so that no pass over data is needed.
        path: A folder that does not exist yet. Afterwards it holds what `tft.TFTransformOutput`
            opens (`transform_fn`, `transformed_metadata`, `metadata`), the recipe, and the
            image graph that the serving export takes pixels from.
    """
    import tensorflow_transform as tft
    from tensorflow_transform import impl_helper
    from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io

    spec = raw_feature_spec(recipe)
    preprocessing_fn = make_preprocessing_fn(recipe)
    impl_helper.analyze_in_place(
        preprocessing_fn,
        force_tf_compat_v1=False,
        feature_specs=spec,
        type_specs=impl_helper.get_type_specs_from_feature_specs(spec),
        transform_output_path=path,
    )
    metadata_io.write_metadata(
        dataset_metadata.DatasetMetadata.from_feature_spec(spec),
        posixpath.join(path, tft.TFTransformOutput.RAW_METADATA_DIR),
    )
    with tf.io.gfile.GFile(posixpath.join(path, IMAGE_GRAPH_FILE), "wb") as file:
        file.write(preprocessing_fn.image_graph.graph_def)
    write_recipe(recipe, path)


def write_recipe(recipe: Recipe, path: str) -> None:
    """Puts the recipe beside a transform graph, where `read_recipe` finds it."""
    with tf.io.gfile.GFile(posixpath.join(path, RECIPE_FILE), "w") as file:
        file.write(recipe.to_json() + "\n")


def has_recipe(path: str) -> bool:
    """Whether a transform graph is whole: its recipe is written last."""
    return bool(tf.io.gfile.exists(posixpath.join(path, RECIPE_FILE)))


def read_recipe(path: str) -> Recipe:
    """Returns the recipe that a transform graph was made from.

    Args:
        path: The folder of a transform graph.

    Raises:
        RunError: The folder holds no recipe, as a graph written by stock Transform doesn't.
    """
    file = posixpath.join(path, RECIPE_FILE)
    try:
        with tf.io.gfile.GFile(file) as opened:
            return Recipe.from_json(opened.read())
    except tf.errors.NotFoundError as error:
        raise RunError(
            f"{file} does not exist. Expected a transform graph made by pixelbake; for one made by "
            "another component pass recipe=."
        ) from error


def read_image_graph(path: str) -> ImageGraph | None:
    """Returns the image graph beside a transform graph, None where stock Transform wrote that.

    Args:
        path: The folder of a transform graph.
    """
    try:
        with tf.io.gfile.GFile(posixpath.join(path, IMAGE_GRAPH_FILE), "rb") as file:
            return ImageGraph(file.read())
    except tf.errors.NotFoundError:
        return None


def load_transform(path: str) -> tuple[Any, Callable[[Mapping[str, Any]], dict[str, Any]]]:
    """Opens the transform graph with plain TensorFlow.

    Args:
        path: The folder of a transform graph, made by pixelbake or by stock Transform.

    Returns:
        The loaded SavedModel (whoever uses the function must keep it alive) and a function from
        raw features by name to transformed features by name. Raw features that are left out, as
        a label is in serving, are filled with one zero (or empty string) an Example; features
        made of them alone are meaningless and to be ignored.
    """
    loaded = tf.saved_model.load(posixpath.join(path, TRANSFORM_FN_DIR))
    (specs,), _ = loaded.transform_fn.structured_input_signature

    def transform(features: Mapping[str, Any]) -> dict[str, Any]:
        batch = tf.shape(next(iter(features.values())))[0]
        return dict(
            loaded.transform_fn(
                {
                    name: features[name] if name in features else _filler(spec, batch)
                    for name, spec in specs.items()
                }
            )
        )

    return loaded, transform


def _filler(spec: Any, batch: Any) -> Any:
    """Returns a batch of zeros that a feature's spec admits, one an Example where that is open."""
    zero = tf.constant("" if spec.dtype == tf.string else 0, spec.dtype)
    if isinstance(spec, tf.SparseTensorSpec):
        rows = tf.range(tf.cast(batch, tf.int64))[:, tf.newaxis]
        rank = spec.shape.rank
        return tf.SparseTensor(
            tf.pad(rows, [[0, 0], [0, rank - 1]]),
            tf.fill([batch], zero),
            tf.stack([tf.cast(batch, tf.int64), *[tf.constant(1, tf.int64)] * (rank - 1)]),
        )
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.RaggedTensor.from_row_splits(
            tf.fill([batch], zero), tf.range(batch + 1, dtype=spec.row_splits_dtype)
        )
    return tf.fill(tf.concat([[batch], tf.constant(spec.shape[1:].as_list(), tf.int32)], 0), zero)
