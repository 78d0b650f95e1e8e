"""Every pixel layer goes through the same contract; a new layer joins with one line."""

import json

import keras
import numpy as np
import pytest

import pixelbake.layers
from pixelbake.layers import (
    Brightness,
    BrightnessNormalization,
    ConditionalPixelTransform,
    ContrastStretching,
    GaussianBlur,
)
from tests.layers.contract import (
    Case,
    model_of,
    reload_keras_file,
    run_eagerly,
    run_traced,
)

CASES = [
    Case("Brightness", lambda **kw: Brightness(1.3, **kw)),
    Case("Brightness black at -1", lambda **kw: Brightness(0.7, value_range=(-1, 1), **kw)),
    Case("BrightnessNormalization", lambda **kw: BrightnessNormalization(0.5, 0.4, **kw)),
    Case(
        "ContrastStretching",
        lambda **kw: ContrastStretching(darkest=0.1, brightest=0.8, **kw),
    ),
    Case("GaussianBlur", lambda **kw: GaussianBlur(5, 2.0, **kw)),
    Case("GaussianBlur not square", lambda **kw: GaussianBlur((3, 9), (0.8, 2.5), **kw)),
    Case("ConditionalPixelTransform", ConditionalPixelTransform, takes_mask=True),
]

each_layer = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_channels = pytest.mark.parametrize("channels", [1, 3, 4])


def test_every_public_layer_is_under_contract():
    covered = {type(case.make()).__name__ for case in CASES}
    assert covered == set(pixelbake.layers.__all__)


@each_layer
@each_channels
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_eager_traced_and_symbolic_agree(case, channels, batch):
    layer, inputs = case.make(), case.inputs(batch, channels)
    eager = run_eagerly(layer, inputs)
    np.testing.assert_array_equal(run_traced(layer, inputs), eager)
    shapes = [x.shape for x in inputs] if case.takes_mask else inputs.shape
    assert layer.compute_output_shape(shapes) == eager.shape
    symbolic = model_of(case, case.make(), channels).output_shape
    assert len(symbolic) == 4
    assert symbolic[3] == eager.shape[3]
    assert eager.dtype == np.float32
    assert np.isfinite(eager).all()


@each_layer
@each_channels
def test_a_reloaded_keras_file_gives_the_same_pixels(case, channels, tmp_path):
    model = model_of(case, case.make(), channels)
    inputs = case.inputs(2, channels)
    reloaded = reload_keras_file(model, tmp_path)
    np.testing.assert_array_equal(run_eagerly(reloaded, inputs), run_eagerly(model, inputs))


@each_layer
def test_a_batch_gives_what_its_images_give_one_by_one(case):
    layer, inputs = case.make(), case.inputs(3, 3)
    whole = run_eagerly(layer, inputs)
    for i in range(3):
        one = [x[i : i + 1] for x in inputs] if case.takes_mask else inputs[i : i + 1]
        np.testing.assert_allclose(run_eagerly(layer, one)[0], whole[i], atol=1e-6)


@each_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_stays_close_to_float32(case, policy):
    inputs = case.inputs(2, 3)
    layer, mixed = case.make(), case.make(dtype=policy)
    exact = run_eagerly(layer, inputs)
    run_eagerly(mixed, inputs)
    mixed.set_weights(layer.get_weights())
    result = mixed(inputs)
    assert keras.backend.standardize_dtype(result.dtype) == policy.removeprefix("mixed_")
    result = keras.ops.convert_to_numpy(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, exact, atol=case.bfloat16_tolerance)


@each_layer
def test_its_config_makes_an_equal_layer(case):
    layer = case.make()
    config = json.loads(json.dumps(layer.get_config()))
    twin = type(layer).from_config(config)
    assert json.loads(json.dumps(twin.get_config())) == config
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    inputs = case.inputs(1, 3)
    expected = run_eagerly(layer, inputs)
    for other in (twin, restored):
        run_eagerly(other, inputs)
        other.set_weights(layer.get_weights())
        np.testing.assert_array_equal(run_eagerly(other, inputs), expected)


@each_layer
def test_the_global_data_format_does_not_leak_in(case):
    inputs = case.inputs(1, 3)
    layer = case.make()
    expected = run_eagerly(layer, inputs)
    keras.config.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(run_eagerly(layer, inputs), expected)
        assert run_traced(case.make(), inputs).shape == expected.shape
    finally:
        keras.config.set_image_data_format("channels_last")


@each_layer
def test_integer_pixels_are_refused(case):
    inputs = case.inputs(1, 3)
    integers = (
        [(x * 255).astype(np.uint8) for x in inputs]
        if case.takes_mask
        else (inputs * 255).astype(np.uint8)
    )
    with pytest.raises(TypeError, match="uint8"):
        case.make()(integers)


@each_layer
def test_a_single_image_without_batch_is_refused(case):
    inputs = case.inputs(1, 3)
    unbatched = [x[0] for x in inputs] if case.takes_mask else inputs[0]
    with pytest.raises(ValueError, match=r"\[batch, height, width, channels\]"):
        case.make()(unbatched)
