import keras
import numpy as np
import pytest

from pixelbake.errors import RecipeError
from pixelbake.layers import ConditionalPixelTransform, Flip
from pixelbake.recipe import LayerSpec, Recipe, layers_from_keras_file
from tests.layers.contract import photographs, run_eagerly
from tests.recipe.keras_files import (
    Noisy,
    masking_model,
    members_of,
    save,
    scramble,
    sequential,
    straight_functional,
)


@keras.saving.register_keras_serializable(package="keras_file_tests")
class Inverted(keras.Layer):
    def call(self, inputs):
        return 1 - inputs


@keras.saving.register_keras_serializable(package="keras_file_tests")
class Marker(keras.Layer):
    """Says so when Keras makes one."""

    made = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        Marker.made += 1

    def call(self, inputs):
        return inputs


def image_to_image(*layers):
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


def error_of(path):
    with pytest.raises(RecipeError) as caught:
        layers_from_keras_file(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("make", [sequential, straight_functional])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_model_over_images_comes_back_with_its_weights(make, as_text, tmp_path):
    model = make()
    path = save(model, tmp_path)
    images = photographs(2, 3, 12, 17)
    expected = run_eagerly(model, images)
    recipe = Recipe(layers=layers_from_keras_file(str(path) if as_text else path))
    result = run_eagerly(recipe.build_model(), images)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert np.ptp(expected) > 0.1


def test_a_model_over_image_and_mask_comes_back_with_its_weights(tmp_path):
    model = masking_model()
    inputs = [photographs(2, 3, 12, 17), photographs(2, 1, 12, 17)[:, ::-1]]
    expected = run_eagerly(model, inputs)
    layers = layers_from_keras_file(save(model, tmp_path))
    recipe = Recipe(mask="mask", layers=layers)
    np.testing.assert_allclose(run_eagerly(recipe.build_model(), inputs), expected, atol=1e-6)
    assert [spec.layer for spec in layers] == [
        "Rescaling",
        "ConditionalPixelTransform",
        "Brightness",
        "ConditionalPixelTransform",
    ]
    assert [len(spec.weights or ()) for spec in layers] == [0, 2, 0, 2]


def test_a_mask_that_is_not_moved_with_its_image_is_refused(tmp_path):
    image, mask = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    masked = ConditionalPixelTransform()([Flip("horizontal")(image), mask])
    message = error_of(save(keras.Model([image, mask], masked), tmp_path))
    assert "ConditionalPixelTransform) is called on a mask after a layer that moves" in message
    before = Flip("horizontal")(ConditionalPixelTransform()([image, mask]))
    assert len(layers_from_keras_file(save(keras.Model([image, mask], before), tmp_path))) == 2


def test_an_image_may_be_its_own_mask(tmp_path):
    image = keras.Input((None, None, 3))
    model = scramble(keras.Model(image, ConditionalPixelTransform()([image, image])))
    images = photographs(2, 3, 12, 17)
    recipe = Recipe(layers=layers_from_keras_file(save(model, tmp_path)))
    expected = run_eagerly(model, images)
    np.testing.assert_allclose(run_eagerly(recipe.build_model(), images), expected, atol=1e-6)


def test_the_layers_of_a_file_are_those_of_the_model(tmp_path):
    model = sequential()
    layers = layers_from_keras_file(save(model, tmp_path))
    assert layers == tuple(LayerSpec.model_validate(layer) for layer in model.layers)
    assert Recipe(layers=layers) == Recipe(layers=model.layers)


def test_the_optimizer_and_metrics_of_a_compiled_model_are_left_behind(tmp_path):
    model = sequential()
    model.compile("adam", "mse", metrics=["mae"])
    images = photographs(2, 3, 8, 8)
    model.fit(images, images, verbose=0)
    layers = layers_from_keras_file(save(model, tmp_path))
    assert Recipe(layers=layers) == Recipe(layers=model.layers)


def test_a_registered_layer_comes_back_under_its_registered_name(tmp_path):
    (spec,) = layers_from_keras_file(save(image_to_image(Inverted()), tmp_path))
    assert spec == LayerSpec(layer="keras_file_tests>Inverted")


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (keras.layers.Lambda(lambda x: x), "Lambda"),
        (keras.layers.RandomFlip(), "RandomFlip"),
        (keras.layers.BatchNormalization(), "BatchNormalization"),
        (keras.layers.Dense(3), "Dense"),
    ],
)
def test_a_layer_that_can_not_be_baked_is_refused_before_anything_is_loaded(layer, name, tmp_path):
    path = save(image_to_image(Marker(), layer), tmp_path)
    made = Marker.made
    assert f"Received: layer='{name}'" in error_of(path)
    assert Marker.made == made
    keras.saving.load_model(path, safe_mode=False)
    assert Marker.made > made


def test_a_class_that_is_not_registered_is_refused(tmp_path):
    class Stranger(keras.Layer):
        def call(self, inputs):
            return inputs

    message = error_of(save(image_to_image(Stranger()), tmp_path))
    assert "Stranger' is not registered" in message


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (Noisy, (8, 8, 3)),
        (lambda: keras.layers.Cropping2D(1, data_format="channels_first"), (3, 8, 8)),
    ],
    ids=["random inside", "channels_first"],
)
def test_a_layer_that_only_its_spec_refuses_is_refused_with_the_file(make, shape, tmp_path):
    error_of(save(keras.Sequential([keras.Input(shape), make()]), tmp_path))


def branching():
    image = keras.Input((8, 8, 3))
    x = keras.layers.ReLU(name="left")(image)
    return keras.Model(image, [x, keras.layers.Rescaling(2.0)(image)])


def joining():
    image = keras.Input((8, 8, 3))
    left, right = keras.layers.ReLU()(image), keras.layers.Rescaling(0.5)(image)
    return scramble(keras.Model(image, ConditionalPixelTransform()([left, right])))


def sharing():
    image, layer = keras.Input((8, 8, 3)), keras.layers.Rescaling(0.5, name="twice")
    return keras.Model(image, layer(layer(image)))


def masking_by_the_first_image():
    image = keras.Input((8, 8, 3))
    layer = ConditionalPixelTransform(name="skips")
    return scramble(keras.Model(image, layer([keras.layers.Rescaling(0.5)(image), image])))


def mask_first():
    image, mask = keras.Input((8, 8, 3)), keras.Input((8, 8, 1))
    layer = ConditionalPixelTransform(name="swapped")
    return scramble(keras.Model([mask, image], layer([image, mask])))


def with_an_operation():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.ReLU()(image) * 2)


def nested():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, image_to_image(keras.layers.ReLU())(image))


def three_inputs():
    image, mask, third = (keras.Input((8, 8, n)) for n in (3, 1, 1))
    x = ConditionalPixelTransform()([ConditionalPixelTransform()([image, mask]), third])
    return keras.Model([image, mask, third], x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (branching, "has 1 inputs and 2 outputs"),
        (three_inputs, "has 3 inputs and 1 outputs"),
        (joining, "a recipe's layers form one line"),
        (sharing, "twice (Rescaling) does not follow the layer before it"),
        (masking_by_the_first_image, "skips (ConditionalPixelTransform) does not follow"),
        (mask_first, "swapped (ConditionalPixelTransform) does not follow"),
        (with_an_operation, "Received: layer='Multiply'"),
        (nested, "holds a model inside the model (Sequential); flatten it"),
        (lambda: image_to_image(straight_functional()), "inside the model (Functional)"),
    ],
)
def test_a_model_whose_layers_form_no_line_is_refused_with_the_file(make, message, tmp_path):
    assert message in error_of(save(make(), tmp_path))


def test_a_file_is_read_without_being_changed(tmp_path):
    path = save(sequential(), tmp_path)
    before = members_of(path), path.stat().st_mtime_ns
    layers_from_keras_file(path)
    assert (members_of(path), path.stat().st_mtime_ns) == before
