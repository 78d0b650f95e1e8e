"""Takes trained pixel layers out of a model, weights frozen, for the next recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
from pydantic import ValidationError

import pixelbake.layers
from pixelbake.errors import RecipeError
from pixelbake.layers.nesting_layer import NestingLayer
from pixelbake.layers.pixel_layer import PixelLayer
from pixelbake.mistakes import mistakes_in
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.layer_classes import KERAS_LAYERS, moves_pixels

__all__ = ["bake"]


def bake(trained: keras.Layer) -> tuple[LayerSpec, ...]:
    """Freezes a trained layer, or the pixel layers at the front of a trained model.

    ```python
    model.fit(...)  # image -> ConditionalPixelTransform -> convolutions -> labels
    recipe = Recipe(layers=pixelbake.bake(model))
    ```

    The front of a model goes on for as long as its layers follow one another and are pixel layers
    of `pixelbake.layers` (or derived from `PixelLayer`), or of Keras' image layers without
    weights; it ends with the last pixel layer. A `Rescaling(1 / 255)` right at the start is left
    out, because a recipe gives its layers pixels in [0, 1] by itself.

    Args:
        trained: A built layer, or a Sequential or functional model over one image, or over
            `[image, mask]`.

    Returns:
        The layers as data, in order, for `Recipe.layers`. Their weights are copies: training goes
        on without them.

    Raises:
        RecipeError: There is no pixel layer at the front, or a layer can't be baked.
    """
    if isinstance(trained, keras.Model):
        layers = _front(trained)
    elif isinstance(trained, keras.Layer):
        layers = [trained]
    else:
        raise RecipeError(f"bake takes a Keras layer or model. Received: {trained!r}.")
    for layer in layers:
        if not layer.built:
            raise RecipeError(
                f"layer {layer.name!r} is not built, so that it has no weights to freeze. Train it "
                "first."
            )
    try:
        return tuple(LayerSpec.model_validate(layer) for layer in layers)
    except ValidationError as error:
        messages = [mistake.message for mistake in mistakes_in(error, LayerSpec)]
        raise RecipeError(" ".join(messages)) from error


def _front(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers from the model's image to its last pixel layer."""
    front: list[keras.Layer] = []
    end = 0
    for layer in _in_line(model):
        if _is_pixel_layer(layer):
            front.append(layer)
            end = len(front)
        elif type(layer).__name__ in KERAS_LAYERS and not layer.weights:
            front.append(layer)
        else:
            break
    if end == 0:
        names = [type(layer).__name__ for layer in _in_line(model)]
        raise RecipeError(
            f"model {model.name!r} has no pixel layer at its front. Received: {', '.join(names)}. "
            "Pixel layers must be the first that an image goes through."
        )
    return front[1:end] if _is_from_8_bits(front[0]) else front[:end]


def _in_line(model: keras.Model) -> Iterator[keras.Layer]:
    """Yields the layers that follow one another from the model's image on."""
    if isinstance(model, keras.Sequential):
        yield from model.layers
        return
    at = model.inputs[0]
    mask = model.inputs[1] if len(model.inputs) == 2 else None
    moved = False
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        nodes = operation._inbound_nodes
        taken = list(nodes[0].input_tensors)
        given = at if mask is None else mask
        straight = len(nodes) == 1 and taken[0] is at and all(t is given for t in taken[1:])
        # A recipe moves the mask with the image, and this model did not.
        if not isinstance(operation, keras.Layer) or not straight or (moved and len(taken) > 1):
            return
        yield operation
        moved = moved or (mask is not None and moves_pixels(type(operation)))
        at = operation.output


def _is_pixel_layer(layer: keras.Layer) -> bool:
    own = type(layer).__module__.startswith(pixelbake.layers.__name__)
    return own or isinstance(layer, PixelLayer | NestingLayer)


def _is_from_8_bits(layer: keras.Layer) -> bool:
    return (
        type(layer) is keras.layers.Rescaling
        and math.isclose(float(layer.scale), 1 / 255, rel_tol=1e-6)
        and float(layer.offset) == 0
    )
