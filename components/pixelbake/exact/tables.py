"""Layers that look at one value at a time: the grid has 4,081 of them, so that a table says it."""

from __future__ import annotations

import numpy as np

from pixelbake.exact.form import Form, White
from pixelbake.exact.grid import WHITE, lookup
from pixelbake.recipe.layer import LayerSpec

__all__ = ["table_form"]


def table_form(spec: LayerSpec, white: White) -> Form:
    """Returns the form of a layer that is the same function of every value of every channel."""
    layer = spec.build("pointwise", "float64")
    # One rounded division: a level that the layer's argument names is met exactly.
    values = np.arange(WHITE + 1, dtype=np.float64) * white.image / WHITE
    changed = np.asarray(layer(values.reshape(1, -1, 1, 1))).ravel() * (WHITE / white.image)
    table = np.clip(np.rint(changed), 0, WHITE)
    return lambda image, given: lookup(table, image)
