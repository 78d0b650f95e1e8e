"""A recipe's layers on the grid, as far as they have exact forms, and in float64 from there on."""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

from pixelbake import images
from pixelbake.exact.form import Form, White
from pixelbake.exact.forms import exact_form
from pixelbake.exact.grid import STEPS, from_levels, in_range, to_uint8
from pixelbake.exact.resizing import RESIZED_EXACTLY, resize_by_weights
from pixelbake.recipe import Recipe

__all__ = ["ExactLayers", "not_exact"]


class ExactLayers:
    """What a recipe of numerics "exact" does to pixels after they are decoded.

    Args:
        recipe: The recipe, all layers fitted. Warns of what in it is not exact.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._white = recipe.value_range[1]
        self._model = recipe.build_model()  # refuses layers without weights, or not fitted
        self._forms = _forms(recipe)
        if found := _parts_not_exact(recipe, len(self._forms)):
            warnings.warn(
                f"numerics is 'exact', but for {' and '.join(found)}. See docs/consistency.md.",
                stacklevel=3,
            )

    def resize(self, decoded: Any) -> Any:
        """Returns a decoded image at the recipe's size: float32 levels, in whole sixteenths."""
        to = self._recipe.resize
        if to is not None and to.method in RESIZED_EXACTLY:
            return images.unless_of_size(
                decoded, to, lambda: resize_by_weights(decoded, to) * (1.0 / STEPS)
            )
        return from_levels(images.resize(decoded, to)) * (1.0 / STEPS)

    def __call__(self, resized: Any, mask: Any) -> tuple[list[Any], Any]:
        """Applies the layers.

        Args:
            resized: What `resize` returned, `[H, W, C]`.
            mask: The mask, float32 `[H, W, 1]` in [0, 1], or None.

        Returns:
            What each layer gives, `[H, W, C]` in the recipe's `value_range` (float32, or float64
            from the first layer on that is not exact), and what is stored: uint8, or float32 for
            output encoding "float".
        """
        pixels = from_levels(resized)[tf.newaxis]
        given = None if mask is None else from_levels(mask * 255.0)[tf.newaxis]
        stages = []
        for i, (form, mask_form) in enumerate(self._forms):
            with tf.name_scope(f"exact_{i}"):
                pixels = form(pixels, pixels if given is None else given)
                if given is not None and mask_form is not None:
                    given = mask_form(given, given)
            stages.append(in_range(pixels[0], self._white))
        if len(stages) < len(self._recipe.layers):
            return self._go_on_in_float64(pixels, given, stages)
        last = tf.ensure_shape(pixels[0], self._recipe.output_shape)
        if self._recipe.output.encoding == "float":
            return stages, in_range(last, self._white)
        return stages, to_uint8(last)

    def _go_on_in_float64(
        self, pixels: Any, given: Any, stages: list[Any]
    ) -> tuple[list[Any], Any]:
        """Applies the layers that are left: their pixels may lie outside of the grid."""
        pixels = in_range(pixels, self._white, "float64")
        given = None if given is None else in_range(given, 1.0, "float64")
        for i, spec in enumerate(self._recipe.layers):
            if i < len(self._forms):
                continue
            layer = self._model.get_layer(f"layer_{i}")
            one = [pixels, pixels if given is None else given] if spec.takes_mask else pixels
            pixels = layer(one, training=False)
            if given is not None and spec.moves_pixels:
                given = self._model.get_layer(f"layer_{i}_mask")(given)
            stages.append(pixels[0])
        last = tf.ensure_shape(pixels[0], self._recipe.output_shape)
        if self._recipe.output.encoding == "float":
            return stages, tf.cast(last, tf.float32)
        return stages, images.quantise(last, self._recipe.value_range)


def not_exact(recipe: Recipe) -> tuple[str, ...]:
    """Says in words what of a recipe of numerics "exact" is not exact; nothing of any other."""
    return _parts_not_exact(recipe, len(_forms(recipe))) if recipe.numerics == "exact" else ()


def _parts_not_exact(recipe: Recipe, first: int) -> tuple[str, ...]:
    """Says in words what is not exact, where `first` is the first layer without an exact form."""
    found: list[str] = []
    if recipe.resize is not None and recipe.resize.method not in (*RESIZED_EXACTLY, "nearest"):
        found.append(f"resize by {recipe.resize.method!r} (float32)")
    if first < len(recipe.layers):
        and_after = " and the layers after it" if first + 1 < len(recipe.layers) else ""
        found.append(f"layers[{first}] ({recipe.layers[first].layer}){and_after} (float64)")
    return tuple(found)


def _forms(recipe: Recipe) -> list[tuple[Form, Form | None]]:
    """Returns the forms of the layers up to the first that has none, each with the mask's."""
    white = recipe.value_range[1]
    forms: list[tuple[Form, Form | None]] = []
    for spec in recipe.layers:
        form = exact_form(spec, White(image=white, given=white if recipe.mask is None else 1.0))
        moves_mask = recipe.mask is not None and spec.moves_pixels
        mask_form = exact_form(spec.for_mask(), White(1.0, 1.0)) if moves_mask else None
        if form is None or (moves_mask and mask_form is None):
            break
        forms.append((form, mask_form))
    return forms
