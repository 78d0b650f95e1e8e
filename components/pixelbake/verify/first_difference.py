"""Finds the stage at which the export's way of an image leaves the run's."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pixelbake import images
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import read_image_graph
from pixelbake.verify.export_process import stages_of_export

__all__ = ["first_difference"]


def first_difference(
    transform_graph: str,
    recipe: Recipe,
    model: str,
    raw: bytes,
    stored: bytes | None,
) -> str | None:
    """Compares what the run's graph and the export make of one record, stage by stage.

    Args:
        transform_graph: The run's.
        recipe: The run's.
        model: The export's folder.
        raw: The raw Example.
        stored: The image as the run stored it, None for output encoding `"float"`.

    Returns:
        The first stage that differs: `decode`, `resize`, `layers[i]`, `quantise` or `encode`. None
        if there is none, so that the run's images were made otherwise, or if one of the two ways
        has no stages.
    """
    graph = read_image_graph(transform_graph)
    encoded = _images_of(raw, recipe.image_features)
    ours = {} if graph is None else _in_order(_stages(graph.stages, encoded))
    theirs = _in_order(stages_of_export(model, recipe.image_features, raw))
    if not ours or not theirs:
        return None
    for (name, one), (other_name, other) in zip(ours.items(), theirs.items(), strict=False):
        if name != other_name:  # the shorter of the two has no more layers
            return name if name.startswith("layers") else other_name
        if one.shape != other.shape or one.dtype != other.dtype or (one != other).any():
            return name
    if len(ours) != len(theirs):
        return list(ours if len(ours) > len(theirs) else theirs)[min(len(ours), len(theirs))]
    if stored is None:
        return None
    again = images.encode(tf.constant(ours["quantise"]), recipe.output).numpy()
    return "encode" if again == stored else None


def _in_order(stages: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Undoes what TensorFlow does to dicts: it sorts them by name."""
    places = {"decode": -2, "resize": -1, "quantise": len(stages)}
    names = sorted(stages, key=lambda name: places.get(name) or int(re.sub(r"\D", "", name)))
    return {name: stages[name] for name in names}


def _stages(function: object, encoded: Sequence[bytes]) -> dict[str, np.ndarray]:
    traced = tf.function(function, autograph=False)
    return {name: value.numpy() for name, value in traced(*map(tf.constant, encoded)).items()}


def _images_of(raw: bytes, names: Sequence[str]) -> list[bytes]:
    features = tf.train.Example.FromString(raw).features.feature
    return [features[name].bytes_list.value[0] for name in names]
