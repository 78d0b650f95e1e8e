"""Gives a layer the frozen weights of its spec, and those in it the weights of theirs."""

from __future__ import annotations

import keras
import numpy as np

from pixelbake.plain.parts import LocatedError
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.nested_layers import chains_of, nested_arguments, own_weights

__all__ = ["set_weights"]


def set_weights(spec: LayerSpec, layer: keras.Layer, what: str, at: tuple[str | int, ...]) -> None:
    """Sets the weights of a built layer and of the layers nested in it.

    Args:
        spec: What the layer was made from.
        layer: The layer.
        what: What to call it in an error, such as `"layers[0]"`.
        at: The keys that lead to it in the recipe.

    Raises:
        LocatedError: Weights are missing, of the wrong shapes, or not finite.
    """
    own = own_weights(layer)
    wanted = [tuple(weight.shape) for weight in own]
    given = [] if spec.weights is None else [weight.shape for weight in spec.weights]
    if wanted and spec.weights is None:
        raise LocatedError(
            f"{what} ({spec.layer}) has weights of shapes {wanted}, and none are given: its output "
            "would be random. Train it first and pass the trained layer or its .keras file.",
            *at,
        )
    if wanted != given:
        raise LocatedError(
            f"{what} ({spec.layer}) has weights of shapes {wanted}. Received: {given}.",
            *at,
            "weights",
        )
    for weight, frozen in zip(own, spec.weights or (), strict=True):
        values = frozen.to_array()
        if not np.isfinite(values).all():
            raise LocatedError(
                f"{what} ({spec.layer}) has weights that are not finite.", *at, "weights"
            )
        weight.assign(values)
    if own and isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()  # it computes with what it made of its weights before
    inner_layers = (
        inner
        for name, depth in nested_arguments(type(layer)).items()
        for chain in chains_of(getattr(layer, name), depth)
        for inner in chain
    )
    for (inner_at, inner_spec), inner in zip(spec.nested(), inner_layers, strict=True):
        set_weights(inner_spec, inner, ".".join([what, *map(str, inner_at)]), (*at, *inner_at))
