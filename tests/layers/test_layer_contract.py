"""Every pixel layer goes through the same contract; a new layer joins with one line."""

import inspect
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake
import pixelbake.layers
from pixelbake import images as pixels
from pixelbake.recipe import Output, Recipe
from tests.layers.cases import CASES
from tests.layers.contract import (
    model_of,
    photographs,
    reload_keras_file,
    run_eagerly,
    run_traced,
)
from tests.raw_examples import masks_of, photos

each_layer = pytest.mark.parametrize("case", CASES, ids=str)
each_layer_and_channels = pytest.mark.parametrize(
    ("case", "channels"),
    [pytest.param(case, n, id=f"{case} {n}") for case in CASES for n in case.channels],
)


def test_every_public_layer_is_under_contract():
    assert {case.layer.__name__ for case in CASES} == set(pixelbake.layers.__all__)


@each_layer_and_channels
@pytest.mark.parametrize("batch", [0, 2])
def test_eager_traced_and_symbolic_agree(case, channels, batch):
    layer, inputs = case.make(), case.inputs(batch, channels)
    eager = run_eagerly(layer, inputs)
    traced = run_traced(layer, inputs)
    np.testing.assert_allclose(traced, eager, rtol=0, atol=case.traced_tolerance)
    shapes = [x.shape for x in inputs] if case.takes_mask else inputs.shape
    assert layer.compute_output_shape(shapes) == eager.shape
    symbolic = model_of(case, case.make(), channels).output_shape
    assert len(symbolic) == 4
    assert symbolic[3] == eager.shape[3]
    assert eager.dtype == np.float32
    assert np.isfinite(eager).all()


@each_layer
def test_one_image_without_a_batch_axis_is_refused_with_what_to_do(case):
    inputs = case.inputs(1)
    image = [one[0] for one in inputs] if case.takes_mask else inputs[0]
    with pytest.raises(
        ValueError, match=r"take batches \[N, H, W, C\]; add a batch axis"
    ) as caught:
        case.make()(image)
    assert re.search(r"Received: shapes? \(\d+, \d+, 3\)", str(caught.value))


@each_layer
def test_a_reloaded_keras_file_gives_the_same_pixels(case, tmp_path):
    model = model_of(case, case.make(), 3)
    inputs = case.inputs(2)
    reloaded = reload_keras_file(model, tmp_path)
    np.testing.assert_array_equal(run_eagerly(reloaded, inputs), run_eagerly(model, inputs))


@each_layer
def test_a_batch_gives_what_its_images_give_one_by_one(case):
    layer, inputs = case.make(), case.inputs(3)
    whole = run_eagerly(layer, inputs)
    for i in range(3):
        one = [x[i : i + 1] for x in inputs] if case.takes_mask else inputs[i : i + 1]
        np.testing.assert_allclose(run_eagerly(layer, one)[0], whole[i], atol=1e-6)


@each_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_stays_close_to_float32(case, policy):
    inputs = case.inputs(2)
    layer, mixed = case.make(), case.make(dtype=policy)
    exact = run_eagerly(layer, inputs)
    run_eagerly(mixed, inputs)
    mixed.set_weights(layer.get_weights())
    result = mixed(inputs)
    assert keras.backend.standardize_dtype(result.dtype) == policy.removeprefix("mixed_")
    result = keras.ops.convert_to_numpy(keras.ops.cast(result, "float32"))
    np.testing.assert_allclose(result, exact, atol=case.mixed_tolerance)


@each_layer
def test_its_config_makes_an_equal_layer(case):
    layer = case.make()
    config = json.loads(json.dumps(layer.get_config()))
    twin = type(layer).from_config(config)
    assert json.loads(json.dumps(twin.get_config())) == config
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    inputs = case.inputs(1)
    expected = run_eagerly(layer, inputs)
    for other in (twin, restored):
        run_eagerly(other, inputs)
        other.set_weights(layer.get_weights())
        np.testing.assert_array_equal(run_eagerly(other, inputs), expected)


@each_layer
def test_the_global_data_format_does_not_leak_in(case):
    inputs = case.inputs(1)
    layer = case.make()
    expected = run_eagerly(layer, inputs)
    keras.config.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(run_eagerly(layer, inputs), expected)
        assert run_traced(case.make(), inputs).shape == expected.shape
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if "value_range" in inspect.signature(case.layer.__init__).parameters
        and "value_range" not in case.config
    ],
    ids=str,
)
def test_pixels_in_0_to_255_give_255_times_those_in_0_to_1(case):
    images = case.inputs(2)
    expected = run_eagerly(case.make(), images) * (1 if case.gives_mask else 255)
    layer = case.make(**{**case.config_255, "value_range": (0, 255)})
    scaled = [images[0] * 255, images[1]] if case.takes_mask else images * 255
    result = run_eagerly(layer, scaled)
    np.testing.assert_allclose(result, expected, atol=0.01)


@each_layer
def test_16_bit_pixels_give_what_the_same_pixels_give_in_float32(case):
    half = (
        [x.astype("f2") for x in case.inputs(1)] if case.takes_mask else case.inputs(1).astype("f2")
    )
    full = [x.astype("f4") for x in half] if case.takes_mask else half.astype("f4")
    layer = case.make()
    np.testing.assert_array_equal(run_eagerly(layer, half), run_eagerly(layer, full))


@pytest.mark.parametrize("case", [c for c in CASES if "value_range" not in c.config], ids=str)
def test_the_transform_graph_gives_eager_pixels_for_each_image_of_unknown_size(case):
    layer = case.make()
    data = photos(3, [(64, 48), (40, 91), (33, 33)])
    mask = masks_of(data) if case.takes_mask else None
    run_eagerly(layer, case.inputs(1))  # makes the weights
    recipe = Recipe(layers=[layer], mask="mask" if mask else None, output=Output(encoding="raw"))
    features = {"image": data} | ({"mask": mask} if mask else {})
    traced = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    result = traced({name: tf.constant(value) for name, value in features.items()})["image"]
    for i, stored in enumerate(result.numpy()):
        image = pixels.scale(
            pixels.resize(pixels.decode(data[i], recipe.decode), None), (0.0, 1.0)
        )[None]
        inputs = image
        if mask:
            gray = pixels.decode(mask[i], recipe.decode.model_copy(update={"channels": 1}))
            inputs = [image, pixels.resize_mask(gray, None)[None]]
        expected = pixels.quantise(tf.constant(run_eagerly(layer, inputs)), (0.0, 1.0))[0]
        found = tf.io.parse_tensor(stored, tf.uint8)
        assert found.shape == expected.shape
        assert np.abs(found.numpy().astype(int) - expected.numpy()).max() <= 1


@each_layer
def test_the_example_in_its_docstring_runs(case):
    blocks = re.findall(r"```python\n(.*?)```", inspect.getdoc(case.layer), re.DOTALL)
    assert blocks, f"{case.layer.__name__} shows no example"
    images = photographs(2, 3, 48, 40)
    known = {**vars(pixelbake.layers), "keras": keras, "images": images}
    known["segmentation"] = images[..., :1]
    for block in blocks:
        exec(block, known)


@each_layer
def test_integer_pixels_are_refused(case):
    inputs = case.inputs(1)
    integers = (
        [(x * 255).astype(np.uint8) for x in inputs]
        if case.takes_mask
        else (inputs * 255).astype(np.uint8)
    )
    with pytest.raises(TypeError, match="uint8"):
        case.make()(integers)


@each_layer
def test_a_single_image_without_batch_is_refused(case):
    inputs = case.inputs(1)
    unbatched = [x[0] for x in inputs] if case.takes_mask else inputs[0]
    with pytest.raises(ValueError, match=r"\[batch, height, width, channels\]"):
        case.make()(unbatched)
