"""Which layers of a recipe have to be fitted on data, and what becomes of them."""

from __future__ import annotations

from typing import Any

import keras

from pixelbake.errors import RecipeError
from pixelbake.plain.parts import Output
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.level_histogram import LevelHistogram
from pixelbake.recipe.recipe import Recipe

__all__ = ["before", "fit_layer", "with_layer"]


def before(recipe: Recipe, index: int) -> Recipe:
    """Returns the recipe of the pixels that layer number `index` sees."""
    layers = recipe.layers[:index]
    uses_mask = any(spec.takes_mask for spec in layers)
    changed = {
        "layers": layers,
        "mask": recipe.mask if uses_mask else None,
        "output": Output(encoding="raw"),  # holds any number of channels
    }
    return Recipe(**{**dict(recipe), **changed})


def with_layer(recipe: Recipe, index: int, spec: LayerSpec) -> Recipe:
    """Returns the recipe with another layer number `index`."""
    layers = (*recipe.layers[:index], spec, *recipe.layers[index + 1 :])
    return Recipe(**{**dict(recipe), "layers": layers})


def fit_layer(spec: LayerSpec, levels: LevelHistogram) -> LayerSpec:
    """Fits one layer.

    Args:
        spec: A layer that is not fitted.
        levels: The levels of the pixels that it will see.

    Returns:
        The layer with its fitted arguments.

    Raises:
        RecipeError: There are no pixels, or the layer can't be fitted on these.
    """
    if not levels.pixels:
        raise RecipeError(f"layer {spec.layer!r} can't be fitted: there is not one good image.")
    layer = spec.build()
    try:
        fitted = (
            _normalization_arguments(levels)
            if isinstance(layer, keras.layers.Normalization)
            else layer.fit_arguments(levels)
        )
    except ValueError as error:
        raise RecipeError(f"layer {spec.layer!r} can't be fitted: {error}") from error
    return LayerSpec(layer=spec.layer, config={**spec.config, **fitted})


def _normalization_arguments(levels: LevelHistogram) -> dict[str, Any]:
    variances = levels.channel_variances
    if not all(variances):
        raise ValueError(f"a channel holds one level only. Received: variances {variances}.")
    return {"mean": levels.channel_means, "variance": variances}
