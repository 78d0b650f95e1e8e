"""A recipe gives the same pixels whatever Keras is set to in the process that runs it."""

import json

import keras
import numpy as np
import pytest

from pixelbake.recipe import LayerSpec, Recipe
from tests.layers.contract import photographs, run_eagerly
from tests.recipe.test_layer import ALLOWED

each_layer = pytest.mark.parametrize("name", sorted(ALLOWED))


@pytest.fixture
def other_settings():
    """Sets Keras as it never is by default; what is restored afterwards is what was before."""
    before = (
        keras.config.dtype_policy(),
        keras.config.image_data_format(),
        keras.config.floatx(),
    )

    def change():
        keras.config.set_floatx("float16")
        keras.config.set_dtype_policy("mixed_bfloat16")
        keras.config.set_image_data_format("channels_first")

    yield change
    policy, data_format, floatx = before
    keras.config.set_floatx(floatx)
    keras.config.set_image_data_format(data_format)
    keras.config.set_dtype_policy(policy)


def run(layer, takes_mask):
    images = photographs(2, 3, 20, 27)
    inputs = [images, images[..., :1]] if takes_mask else images
    run_eagerly(layer, inputs)
    random = np.random.default_rng(0)
    layer.set_weights([random.uniform(-0.2, 0.2, w.shape) for w in layer.weights])
    return run_eagerly(layer, inputs)


@each_layer
def test_a_spec_made_under_other_settings_is_the_same(name, other_settings):
    before = LayerSpec(layer=name, config=ALLOWED[name])
    other_settings()
    assert LayerSpec(layer=name, config=ALLOWED[name]) == before


@each_layer
def test_a_spec_built_under_other_settings_gives_the_same_pixels(name, other_settings):
    spec = LayerSpec(layer=name, config=ALLOWED[name])
    expected = run(spec.build(), spec.takes_mask)
    other_settings()
    layer = spec.build()
    assert layer.compute_dtype == layer.variable_dtype == "float32"
    result = run(layer, spec.takes_mask)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


@each_layer
def test_data_format_is_channels_last_wherever_a_layer_has_one(name, other_settings):
    other_settings()
    config = LayerSpec(layer=name, config=ALLOWED[name]).config
    assert config.get("data_format", "channels_last") == "channels_last"


@pytest.mark.parametrize("given", ["channels_last", None])
def test_data_format_may_be_given_as_what_it_is_anyway(given, other_settings):
    other_settings()
    config = {"cropping": 1, "data_format": given}
    assert LayerSpec(layer="Cropping2D", config=config).config["data_format"] == "channels_last"


def test_a_layer_of_mixed_precision_is_baked_in_float32():
    layer = keras.layers.Conv2D(3, 1, dtype="mixed_float16")
    layer.build((None, None, None, 3))
    spec = LayerSpec.model_validate(layer)
    assert spec.build().compute_dtype == "float32"
    kernel, bias = (weight.to_array() for weight in spec.weights)
    np.testing.assert_array_equal(kernel, keras.ops.convert_to_numpy(layer.kernel))
    np.testing.assert_array_equal(bias, np.zeros(3))


def test_a_whole_recipe_gives_the_same_model_under_other_settings(other_settings):
    convolution = keras.layers.Conv2D(3, 3, activation="relu")
    convolution.build((None, None, None, 3))
    recipe = Recipe(layers=[keras.layers.Rescaling(0.5), convolution])
    images = photographs(2, 3, 20, 27)
    expected = run_eagerly(recipe.build_model(), images)
    text = recipe.to_json()
    other_settings()
    again = Recipe.from_json(text)
    assert json.loads(again.to_json()) == json.loads(text)
    model = again.build_model()
    assert (model.input.dtype, model.output.dtype) == ("float32", "float32")
    assert model.output_shape == (None, None, None, 3)
    np.testing.assert_array_equal(run_eagerly(model, images), expected)


def test_the_fixture_really_changes_what_keras_does(other_settings):
    other_settings()
    layer = keras.layers.Cropping2D(1)
    assert layer.compute_dtype == "bfloat16"
    assert layer.data_format == "channels_first"
