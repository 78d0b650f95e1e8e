"""Layers that move or select values and compute none: they are exact as they are."""

from __future__ import annotations

from pixelbake.exact.form import Form, White
from pixelbake.exact.grid import WHITE
from pixelbake.recipe.layer import LayerSpec

__all__ = ["as_it_is", "pad"]


def as_it_is(spec: LayerSpec, white: White) -> Form:
    """Returns the layer itself, which does not mind in what units pixels are."""
    layer = spec.build("moved")
    return lambda image, given: layer(image)


def pad(spec: LayerSpec, white: White) -> Form | None:
    """Returns `Pad` with its border's value on the grid; None where that is out of range."""
    value = round(spec.config["value"] / white.image * WHITE)
    if not 0 <= value <= WHITE:
        return None
    on_grid = LayerSpec(layer=spec.layer, config={**spec.config, "value": float(value)})
    return as_it_is(on_grid, white)
