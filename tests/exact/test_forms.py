"""Each layer's exact form against the layer itself in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake.layers
from pixelbake.exact.form import White
from pixelbake.exact.forms import exact_form
from pixelbake.exact.grid import STEPS, WHITE, from_levels
from pixelbake.layers import (
    BoxBlur,
    Brightness,
    Contrast,
    GaussianBlur,
    Masked,
    Pad,
    Saturation,
    Sharpen,
    ThresholdMask,
)
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.trained_weights import set_weights
from tests.layers.cases import CASES
from tests.layers.contract import photographs

IN_RANGE = [case for case in CASES if case.config.get("value_range", (0, 1)) == (0, 1)]

#: These decide by a threshold what a pixel is: on its edge they decide otherwise, for few pixels.
DECIDING = ("ThresholdMask", "CombinedMask")


def spec_of(case):
    layer = case.make()
    if case.takes_mask:
        layer.build([(None, None, None, 3), (None, None, None, 1)])
    return LayerSpec.model_validate(layer)


def in_float64(spec, image, mask):
    layer = spec.build("layer", "float64")
    given = [image, mask] if spec.takes_mask else image
    layer.build([x.shape for x in given] if spec.takes_mask else image.shape)
    set_weights(spec, layer, "layer", ())
    return np.asarray(layer(given))


def form_of(layer, white=1.0):
    return exact_form(LayerSpec.model_validate(layer), White(image=white, given=1.0))


@pytest.mark.parametrize("case", IN_RANGE, ids=str)
def test_an_exact_form_gives_whole_numbers_within_a_level_of_the_layer(case):
    levels = np.round(photographs(1, 3, 61, 83) * 255)
    mask_levels = np.round(photographs(1, 1, 61, 83)[:, ::-1] * 255)
    spec = spec_of(case)
    form = exact_form(spec, White(image=1.0, given=1.0))
    found = form(from_levels(levels), from_levels(mask_levels)).numpy()
    wanted = in_float64(spec, tf.constant(levels / 255), tf.constant(mask_levels / 255))
    assert found.dtype == np.float32
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, np.round(found))
    assert found.min() >= 0
    assert found.max() <= WHITE
    apart = np.abs(found / STEPS - wanted * 255)
    if type(case.make()).__name__ in DECIDING:
        assert np.mean(apart > 1) < 1e-3
    else:
        assert apart.max() <= 0.5  # so that the uint8 are at most a step apart


@pytest.mark.parametrize("case", [c for c in IN_RANGE if c.config_255], ids=str)
def test_it_does_not_depend_on_the_range_of_the_recipe(case):
    levels = from_levels(np.round(photographs(1, 3, 20, 27) * 255))
    layer = case.layer(**{**case.config, **case.config_255, "value_range": (0, 255)})
    found = form_of(layer, 255.0)
    if case.gives_mask:
        assert found is None
    else:
        np.testing.assert_array_equal(found(levels, levels), form_of(case.make())(levels, levels))


def test_every_layer_of_pixelbake_has_an_exact_form():
    forms = {
        case.layer.__name__
        for case in IN_RANGE
        if exact_form(spec_of(case), White(image=1.0, given=1.0)) is not None
    }
    assert forms == set(pixelbake.layers.__all__)


@pytest.mark.parametrize(
    "layer",
    [
        Brightness(16),
        Contrast(16),
        Saturation(16),
        Sharpen(16),
        BoxBlur(4113),
        GaussianBlur(20001, 9000.0),
        Pad(1, value=-0.1),
        Masked(ThresholdMask(0.5), inside=keras.layers.AveragePooling2D(1)),
        keras.layers.Rescaling(0.5),
        keras.layers.Conv2D(3, 3, padding="same"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_the_grid_has_no_numbers_for_has_no_exact_form(layer):
    layer.build((1, 40, 40, 3))
    assert form_of(layer) is None
