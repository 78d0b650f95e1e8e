"""From a trained layer or model to a recipe whose weights are frozen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake
from pixelbake.errors import RecipeError
from pixelbake.layers import (
    BoxMask,
    Brightness,
    ConditionalPixelTransform,
    Fill,
    Flip,
    GaussianBlur,
    Masked,
)
from pixelbake.recipe import Output, Recipe
from tests.layers.contract import photographs, run_eagerly
from tests.raw_examples import photos
from tests.trained_mask_layer import trained_mask_layer


def trained_model(front, channels=3):
    """A model with a front, trained for one step of a task that the front matters for."""
    image = keras.Input((None, None, channels))
    y = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(front(image)))
    model = keras.Model(image, keras.layers.Dense(1)(y))
    images = photographs(4, channels, 20, 20)
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(images, images.mean((1, 2, 3)), epochs=3, verbose=0)
    return model


def names(specs):
    return [spec.layer for spec in specs]


def test_a_trained_layer_is_baked_with_its_weights():
    layer = trained_mask_layer()
    (spec,) = pixelbake.bake(layer)
    recipe = Recipe(layers=[spec], mask="mask")
    inputs = [photographs(2, 3, 12, 12), photographs(2, 1, 12, 12)[:, ::-1]]
    expected = run_eagerly(layer, inputs)
    np.testing.assert_allclose(recipe.build_model()(inputs), expected, atol=1e-6)
    assert np.ptp(expected) > 0.1


def test_the_pixel_layers_at_the_front_of_a_trained_model_are_baked():
    mask = ConditionalPixelTransform()

    def front(image):
        bright = Brightness(1.1)(keras.layers.ZeroPadding2D(1)(image))
        return keras.layers.Rescaling(2.0, offset=-1.0)(mask([bright, bright]))

    before = ConditionalPixelTransform()
    model = trained_model(front)
    layers = pixelbake.bake(model)
    assert names(layers) == ["ZeroPadding2D", "Brightness", "ConditionalPixelTransform"]
    images = photographs(2, 3, 16, 16)
    expected = keras.Model(model.inputs, mask.output)(images)
    recipe = Recipe(layers=layers)
    np.testing.assert_allclose(recipe.build_model()(images), expected, atol=1e-6)
    run_eagerly(before, [images, images])
    assert np.abs(mask.kernel.numpy() - before.kernel.numpy()).max() > 0.01  # it was trained


def test_the_scaling_from_8_bits_is_left_to_the_recipe():
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(GaussianBlur(3, 1.0)(x)))
    assert names(pixelbake.bake(model)) == ["GaussianBlur"]
    sequential = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 127), Fill(0)]
    )
    assert names(pixelbake.bake(sequential)) == ["Rescaling", "Fill"]


def test_a_front_over_image_and_mask_is_baked():
    image, mask = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    x = ConditionalPixelTransform()([GaussianBlur(3, 1.0)(image), mask])
    model = keras.Model([image, mask], keras.layers.Conv2D(1, 3)(x))
    layers = pixelbake.bake(model)
    assert names(layers) == ["GaussianBlur", "ConditionalPixelTransform"]
    inputs = [photographs(2, 3, 12, 12), photographs(2, 1, 12, 12)[:, ::-1]]
    expected = keras.Model(model.inputs, x)(inputs)
    result = Recipe(layers=layers, mask="mask").build_model()(inputs)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_the_front_ends_where_a_mask_was_not_moved_with_its_image():
    image, mask = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    x = ConditionalPixelTransform()([Flip("horizontal")(image), mask])
    assert names(pixelbake.bake(keras.Model([image, mask], x))) == ["Flip"]


def test_the_front_ends_where_the_line_splits():
    image = keras.Input((8, 8, 3))
    bright = Brightness(1.2)(image)
    model = keras.Model(image, keras.layers.Add()([GaussianBlur(3, 1.0)(bright), bright]))
    assert names(pixelbake.bake(model)) == ["Brightness", "GaussianBlur"]


def test_a_trained_mask_that_chooses_between_layers_is_baked():
    mask = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    model = trained_model(Masked(mask, outside=GaussianBlur(5, 2.0)))
    (spec,) = pixelbake.bake(model)
    images = photographs(2, 3, 16, 16)
    expected = Masked(mask, outside=GaussianBlur(5, 2.0))(images)
    result = Recipe(layers=[spec]).build_model()(images)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_what_is_baked_does_not_follow_further_training():
    layer = trained_mask_layer()
    spec = pixelbake.bake(layer)[0]
    layer.bias.assign([9.0])
    assert pixelbake.bake(layer)[0].weights_hash != spec.weights_hash
    np.testing.assert_array_equal(spec.weights[1].to_array(), [-1.0])


def test_no_variable_is_in_what_a_worker_traces():
    conv = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    model = trained_model(Masked(conv, inside=Fill(0)))
    recipe = Recipe(layers=pixelbake.bake(model), output=Output(encoding="raw"))
    function = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    concrete = function.get_concrete_function({"image": tf.TensorSpec([None], tf.string)})
    assert not concrete.variables
    definition = concrete.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    assert "Conv2D" in {node.op for node in nodes}
    assert not [n.name for n in nodes if "Variable" in n.op or n.op == "VarHandleOp"]
    assert function({"image": tf.constant(photos(2, [(40, 40)]))})["image"].shape == (2,)


def test_the_hashes_say_which_layer_the_weights_are_in():
    mask = keras.layers.Conv2D(1, 1, activation="sigmoid")
    mask.build((None, None, None, 3))
    layers = [
        Brightness(1.2),
        Masked([BoxMask((0, 0, 1, 0.5))], inside=Masked(mask, inside=Fill(0))),
    ]
    recipe = Recipe(layers=layers)
    (place,) = recipe.weights_hashes
    assert place == "layers[1].config.inside.config.mask"
    assert recipe.weights_hashes[place] == pixelbake.bake(mask)[0].weights_hash
    assert len(recipe.weights_hashes[place]) == 64
    mask.bias.assign_add([1e-7])
    changed = Recipe(layers=layers)
    assert changed.weights_hashes[place] != recipe.weights_hashes[place]
    assert changed.hash != recipe.hash
    assert Recipe(layers=[Brightness(1.2)]).weights_hashes == {}


@pytest.mark.parametrize(
    ("trained", "message"),
    [
        (ConditionalPixelTransform, "is not built, so that it has no weights to freeze"),
        (lambda: "model.keras", "takes a Keras layer or model. Received: 'model.keras'"),
        (keras.layers.RandomFlip, "layer 'RandomFlip' is random"),
        (
            lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 1), Fill(0)]),
            "no pixel layer at its front. Received: Conv2D, Fill",
        ),
    ],
)
def test_what_can_not_be_baked_is_refused(trained, message):
    value = trained()
    if isinstance(value, keras.layers.RandomFlip):
        value.build((None, 8, 8, 3))
    with pytest.raises(RecipeError, match=message):
        pixelbake.bake(value)
