"""Which layer has which exact form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from pixelbake import layers
from pixelbake.exact import colors, filters, masks, movements
from pixelbake.exact.form import Form, White
from pixelbake.exact.grid import WHITE, quotient
from pixelbake.exact.tables import table_form
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.layer_classes import class_of

__all__ = ["exact_form"]

_FORMS: dict[type[keras.Layer], Callable[[LayerSpec, White], Form | None]] = {
    layers.BoxBlur: filters.box_blur,
    layers.BoxMask: masks.region,
    layers.Brightness: colors.brightness,
    layers.BrightnessNormalization: colors.brightness_normalization,
    layers.CLAHE: colors.over_levels,
    layers.ConditionalPixelTransform: masks.conditional_pixel_transform,
    layers.Contrast: colors.contrast,
    layers.ContrastStretching: table_form,
    layers.Crop: movements.as_it_is,
    layers.EllipseMask: masks.region,
    layers.Equalize: colors.over_levels,
    layers.FeatureMask: masks.feature_mask,
    layers.Fill: colors.fill,
    layers.Flip: movements.as_it_is,
    layers.Gamma: table_form,
    layers.GaussianBlur: filters.gaussian_blur,
    layers.Grayscale: colors.grayscale,
    layers.Hue: colors.hue,
    layers.Invert: table_form,
    layers.MedianBlur: movements.as_it_is,
    layers.Pad: movements.pad,
    layers.Pixelate: filters.pixelate,
    layers.PolygonMask: masks.region,
    layers.Posterize: table_form,
    layers.Rotate90: movements.as_it_is,
    layers.Saturation: colors.saturation,
    layers.Sharpen: filters.sharpen,
    layers.Solarize: table_form,
    layers.ThresholdMask: masks.threshold_mask,
    keras.layers.Cropping2D: movements.as_it_is,
    keras.layers.MaxPooling2D: movements.as_it_is,
    keras.layers.ZeroPadding2D: movements.as_it_is,
}

_MASKS = (
    layers.BoxMask,
    layers.CombinedMask,
    layers.EllipseMask,
    layers.FeatureMask,
    layers.PolygonMask,
    layers.ThresholdMask,
)


def exact_form(spec: LayerSpec, white: White) -> Form | None:
    """Returns what a layer does, on the grid.

    Args:
        spec: A layer, fitted and with its weights.
        white: The upper ends of the ranges in which the layer itself would see its inputs.

    Returns:
        A function from the image and the mask on the grid to the image on the grid; None for a
        layer without an exact form, or with arguments that this has no numbers for.
    """
    if white.image != 1.0 and class_of(spec.layer) in _MASKS:
        return None  # 0 and 1, as pixels in 0..255, are nearly black both
    return _form(spec, white)


def _form(spec: LayerSpec, white: White) -> Form | None:
    cls = class_of(spec.layer)
    if cls is layers.Masked:
        return _masked(spec, white)
    if cls is layers.CombinedMask:
        return _combined(spec, white)
    make = _FORMS.get(cls)
    return None if make is None else make(spec, white)


def _masked(spec: LayerSpec, white: White) -> Form | None:
    """`mask * inside + (1 - mask) * outside`: at most `WHITE * WHITE`, which is below 2^24."""
    (mask_chain,) = spec.chains("mask")
    mask = _mask_chain(mask_chain, white)
    inside, outside = (
        _chain([spec for chain in spec.chains(side) for spec in chain], white)
        for side in ("inside", "outside")
    )
    if mask is None or inside is None or outside is None:
        return None

    def form(image: Any, given: Any) -> Any:
        share = mask(image, given)
        blend = share * inside(image, given) + (WHITE - share) * outside(image, given)
        return quotient(blend, WHITE)

    return form


def _combined(spec: LayerSpec, white: White) -> Form | None:
    chains = [_mask_chain(chain, white) for chain in spec.chains("masks")]
    forms = [form for form in chains if form is not None]
    if len(forms) < len(chains):
        return None
    combine = {"union": tf.maximum, "intersection": tf.minimum}[spec.config["mode"]]

    def form(image: Any, given: Any) -> Any:
        combined, *others = (one(image, given) for one in forms)
        for other in others:
            combined = combine(combined, other)
        return combined

    return form


def _mask_chain(specs: Sequence[LayerSpec], white: White) -> Form | None:
    """Returns the form of layers of which the first makes a mask, in [0, 1], for the others."""
    if white.image != 1.0 and class_of(specs[0].layer) not in _MASKS:
        return None  # it gives pixels in another range than a mask has
    make = _form(specs[0], white)
    change = _chain(specs[1:], White(image=1.0, given=white.given))
    if make is None or change is None:
        return None
    return lambda image, given: change(make(image, given), given)


def _chain(specs: Sequence[LayerSpec], white: White) -> Form | None:
    """Returns the form of layers one after the other; without any, the image itself."""
    forms = [exact_form(spec, white) for spec in specs]
    known = [form for form in forms if form is not None]
    if len(known) < len(forms):
        return None

    def through(image: Any, given: Any) -> Any:
        for form in known:
            image = form(image, given)
        return image

    return through
