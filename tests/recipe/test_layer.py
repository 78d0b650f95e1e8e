import json

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from pixelbake.errors import RecipeError
from pixelbake.layers import ConditionalPixelTransform, GaussianBlur
from pixelbake.recipe import LayerSpec, Recipe
from pixelbake.recipe.layer_classes import allowed_layers
from tests.layers.cases import CASES
from tests.layers.contract import photographs, run_eagerly

#: Keras' own allowed layers, and the config that each is made of.
KERAS = {
    "Activation": {"activation": "sigmoid"},
    "AutoContrast": {"value_range": [0, 1]},
    "AveragePooling2D": {"pool_size": 2},
    "CenterCrop": {"height": 6, "width": 5},
    "Conv2D": {"filters": 3, "kernel_size": 3},
    "Cropping2D": {"cropping": 1},
    "DepthwiseConv2D": {"kernel_size": 3},
    "LeakyReLU": {"negative_slope": 0.1},
    "MaxPooling2D": {"pool_size": 2},
    "Normalization": {"mean": [0.5, 0.5, 0.5], "variance": [0.1, 0.1, 0.1]},
    "ReLU": {"max_value": 0.5},
    "Rescaling": {"scale": 2.0, "offset": -0.5},
    "Resizing": {"height": 7, "width": 9},
    "SeparableConv2D": {"filters": 3, "kernel_size": 3},
    "UpSampling2D": {"size": 2},
    "ZeroPadding2D": {"padding": 1},
}
OWN = {case.layer.__name__: case.config for case in CASES}
ALLOWED = {**KERAS, **OWN}

REFUSED = [
    ("RandomFlip", "is random"),
    ("RandomBrightness", "is random"),
    ("RandomCrop", "is random"),
    ("RandAugment", "is random"),
    ("Dropout", "is random in training"),
    ("GaussianNoise", "is random in training"),
    ("BatchNormalization", "differs between training and inference"),
    ("Equalization", "silently does nothing at inference"),
    ("Lambda", "holds Python code"),
    ("TFSMLayer", "loads another SavedModel"),
    ("TorchModuleWrapper", "holds pickled code"),
    ("Dense", "is not registered"),
    ("Flatten", "is not registered"),
    ("somewhere>Brightness", "is not registered"),
    ("", "is not registered"),
]


class Unregistered(keras.Layer):
    def call(self, inputs):
        return inputs


class Rescaling(keras.layers.Rescaling):
    """Not registered, though it bears an allowed layer's name."""


def spec_of(layer):
    return LayerSpec.model_validate(layer)


def layers_with_config():
    return [pytest.param(name, config, id=name) for name, config in ALLOWED.items()]


def test_every_allowed_layer_is_tested_here():
    assert sorted(ALLOWED) == allowed_layers()


@pytest.mark.parametrize(("name", "config"), layers_with_config())
def test_an_allowed_layer_builds_from_its_name_and_gives_pixels(name, config):
    spec = LayerSpec(layer=name, config=config)
    images = photographs(2, 3, 20, 27)
    built = spec.build()
    result = run_eagerly(built, [images, images[..., :1]] if spec.takes_mask else images)
    assert type(built).__name__ == name
    assert result.ndim == 4
    assert result.shape[0] == 2
    assert result.shape[3] in (1, 3)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


@pytest.mark.parametrize(("name", "config"), layers_with_config())
def test_a_layer_and_its_name_with_a_config_give_equal_specs(name, config):
    spec = LayerSpec(layer=name, config=config)
    made = spec_of(spec.build())
    assert made.model_copy(update={"weights": None}) == spec
    assert json.loads(json.dumps(spec.config)) == spec.config
    assert not {"name", "trainable", "dtype"} & set(spec.config)


@pytest.mark.parametrize(("name", "reason"), REFUSED)
def test_a_layer_that_can_not_be_baked_is_refused_by_name(name, reason):
    with pytest.raises(RecipeError) as caught:
        LayerSpec(layer=name)
    message = str(caught.value)
    assert f"layer {name!r} {reason}" in message
    assert f"Received: layer={name!r}" in message
    assert ", Rescaling, " in message


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (keras.layers.RandomFlip, "RandomFlip"),
        (lambda: keras.layers.Lambda(lambda x: x), "Lambda"),
        (keras.layers.BatchNormalization, "BatchNormalization"),
        (lambda: keras.layers.Dropout(0.5), "Dropout"),
        (lambda: keras.layers.Dense(3), "Dense"),
        (Unregistered, f"{__name__}>Unregistered"),
        (lambda: Rescaling(2.0), f"{__name__}>Rescaling"),
    ],
)
def test_a_layer_object_that_can_not_be_baked_is_refused_by_name(make, name):
    with pytest.raises(RecipeError) as caught:
        Recipe(layers=[make()])
    assert f"Received: layer={name!r}" in str(caught.value)


def test_a_config_that_is_no_json_is_refused_with_its_value():
    with pytest.raises(ValidationError, match=r"must be plain JSON.*Received: \{'scale': nan"):
        spec_of(keras.layers.Rescaling(float("nan")))


def test_a_rescaling_config_rescales_and_is_completed():
    spec = LayerSpec(layer="Rescaling", config={"scale": 2.0})
    assert spec.config == {"scale": 2.0, "offset": 0.0}
    images = photographs(1, 3, 8, 8)
    np.testing.assert_array_equal(run_eagerly(spec.build(), images), images * 2)


@pytest.mark.parametrize("name", ["Brightness", "pixelbake>Brightness"])
def test_our_own_layers_go_by_their_short_name(name):
    assert LayerSpec(layer=name, config={"factor": 1.0}).layer == "Brightness"


def test_only_layers_over_image_and_mask_take_a_mask():
    assert spec_of(ConditionalPixelTransform()).takes_mask
    assert not spec_of(GaussianBlur(3, 1.0)).takes_mask
    assert not spec_of(keras.layers.Rescaling(2.0)).takes_mask


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("Brightness", {"factor": -1}, "factor must be at least 0. Received: factor=-1"),
        ("Brightness", {}, r"Received: config=\{\}. It takes: factor, value_range"),
        ("Brightness", {"faktor": 1}, r"Received: faktor=1. Did you mean 'factor'\? It takes: fac"),
        ("Brightness", {"factor": 1, "name": "x"}, "must not set 'name'.*Received: name='x'"),
        ("Conv2D", {"trainable": False}, "must not set 'trainable'.*Received: trainable=False"),
        ("ReLU", {"dtype": "float16"}, "must not set 'dtype'.*Received: dtype='float16'"),
        ("Cropping2D", {"data_format": "channels_first"}, "Received: data_format='channels_first'"),
        ("Rescaling", {"scale": 1.0, "off": 2}, r"Received: off=2. Did you mean 'offset'\?"),
    ],
)
def test_a_config_that_the_layer_does_not_take_is_refused_with_its_value(name, config, message):
    with pytest.raises(RecipeError, match=message) as caught:
        LayerSpec(layer=name, config=config)
    assert f"layer {name!r}" in str(caught.value)
