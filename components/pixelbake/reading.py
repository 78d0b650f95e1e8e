"""Reads transformed Examples back as ready images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from pixelbake.errors import RunError
from pixelbake.images import decode_stored
from pixelbake.preprocessing import raw_feature_spec
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import read_recipe

__all__ = ["read_examples"]


def read_examples(
    source: str | Sequence[str],
    split: str | None = None,
    *,
    transform_graph: str | None = None,
    recipe: Recipe | None = None,
) -> tf.data.Dataset:
    """Reads transformed Examples as ready images.

    ```python
    train = read_examples("runs/digits", "train")  # a run of `pixelbake run`
    train = read_examples(fn_args.train_files, transform_graph=fn_args.transform_output)  # TFX
    ```

    Args:
        source: The folder of a finished run; or, with `transform_graph`, one or more file
            patterns, as TFX gives them to a trainer.
        split: The split to read, for a run's folder.
        transform_graph: Folder of the transform graph that made the files.
        recipe: The recipe, for a transform graph made by another component than pixelbake's.

    Returns:
        A dataset of one dict per Example, in the order of the files: the image as uint8
        `[H, W, C]` in 0..255 (float32 `[H, W, C]` as it left the last layer for encoding
        `"float"`), and the features passed through (scalars, dense, or sparse where their number
        varies). A run's dataset knows its cardinality, and raises if a shard has been cut short.

    Raises:
        RunError: The run is not finished, or has no such split, or no file matches.
        ValueError: Neither a run with a split nor files with a transform graph are given.
    """
    count = None
    if transform_graph is None:
        from pixelbake.job.manifest import read_manifest

        if not isinstance(source, str) or split is None:
            raise ValueError(
                "read_examples takes a run's folder and a split, or file patterns and "
                f"transform_graph=. Received: source={source!r}, split={split!r}."
            )
        manifest = read_manifest(source)
        files = manifest.paths(source, split)
        recipe = recipe or manifest.recipe
        count = manifest.splits[split].written
    else:
        if split is not None:
            raise ValueError(
                f"split goes with a run's folder, not with file patterns. Received: split={split!r}"
            )
        recipe = recipe or read_recipe(transform_graph)
        files = sorted(tf.io.gfile.glob([source] if isinstance(source, str) else list(source)))
        if not files:
            raise RunError(f"no file matches {source!r}.")
    spec = raw_feature_spec(recipe)
    spec.pop(recipe.mask or "", None)
    shape = recipe.output_shape
    if recipe.output.encoding == "float":
        spec[recipe.image] = tf.io.FixedLenFeature(shape, tf.float32)

    def ready(serialized: Any) -> dict[str, Any]:
        features: dict[str, Any] = tf.io.parse_single_example(serialized, spec)
        if recipe.output.encoding != "float":
            features[recipe.image] = decode_stored(features[recipe.image], recipe.output, shape)
        return features

    compression = "GZIP" if all(file.endswith(".gz") for file in files) else None
    examples = tf.data.TFRecordDataset(files, compression_type=compression).map(
        ready, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    # With the count known, Keras shows progress, and a shard cut short is an error.
    return (
        examples
        if count is None
        else examples.apply(tf.data.experimental.assert_cardinality(count))
    )
