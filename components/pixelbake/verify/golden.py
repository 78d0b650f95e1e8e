"""Runs an export's golden Examples on the machine that serves."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pixelbake.errors import InputError, RunError
from pixelbake.recipe import Recipe
from pixelbake.serving.export import EXTRA_DIR
from pixelbake.serving.golden import GOLDEN_FILE
from pixelbake.transform_graph import read_recipe
from pixelbake.verify.export_process import Golden, golden_of_export
from pixelbake.verify.pixel_difference import PixelDifference, pixel_bound, stored_pixels
from pixelbake.verify.verification import GoldenCheck

__all__ = ["check_golden", "check_is_export", "recipe_of_export", "verify_golden"]


def verify_golden(serving_model: str, *, allow_rounding: bool = False) -> GoldenCheck:
    """Compares what an export makes of its golden Examples here with what it made when exported.

    It needs no run and no data. As in `verify_serving_model`, the export is asked in a fresh
    process that can import TensorFlow and NumPy only.

    Args:
        serving_model: The folder that `export_serving_model` wrote.
        allow_rounding: Whether pixels may differ as they do between processors and TensorFlow
            versions (see docs/consistency.md).

    Raises:
        InputError: The folder is no such export, or has no golden Examples: none of the images
            that pixelbake brings suit the recipe. Pass `golden=` to `export_serving_model`.
    """
    check_is_export(serving_model)
    recipe = recipe_of_export(serving_model)
    if recipe is None or not _has_golden(serving_model):
        raise InputError(
            f"{serving_model} has no golden Examples in {EXTRA_DIR}. Export it with "
            "export_serving_model(..., golden=[...])."
        )
    return check_golden(serving_model, recipe, golden_of_export(serving_model), allow_rounding)


def check_golden(
    serving_model: str, recipe: Recipe, golden: Sequence[Golden], allow_rounding: bool
) -> GoldenCheck:
    """Compares golden Examples that were run with what they should be."""
    total, damaged = PixelDifference(), 0
    for one in golden:
        is_float = recipe.output.encoding == "float"
        image = one.transformed if is_float else one.transformed.tobytes()
        total = total.plus(PixelDifference.of(one.pixels, stored_pixels(image, recipe)))
        found = hashlib.sha256(np.ascontiguousarray(one.pixels).tobytes()).hexdigest()
        damaged += found != one.sha256
    return GoldenCheck(
        serving_model=serving_model,
        examples=len(golden),
        damaged=damaged,
        pixels=total,
        bound=pixel_bound(recipe, allow_rounding),
    )


def check_is_export(serving_model: str) -> None:
    """Makes sure that there is a SavedModel.

    Raises:
        InputError: There is none.
    """
    if not tf.io.gfile.exists(posixpath.join(serving_model, "saved_model.pb")):
        raise InputError(f"{serving_model} is no SavedModel: it has no saved_model.pb.")


def _has_golden(serving_model: str) -> bool:
    """Whether an export has golden Examples."""
    path = posixpath.join(serving_model, EXTRA_DIR, GOLDEN_FILE)
    return bool(tf.io.gfile.exists(path))


def recipe_of_export(serving_model: str) -> Recipe | None:
    """Returns the recipe that a model was exported with, None where it isn't there."""
    try:
        return read_recipe(posixpath.join(serving_model, EXTRA_DIR))
    except RunError:
        return None
