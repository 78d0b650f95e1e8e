"""Layers that move pixels, against NumPy, and what a recipe makes of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake
from pixelbake.layers import Crop, Flip, Pad, Rotate90
from pixelbake.recipe import Output, Recipe
from tests.layers.contract import photographs, run_eagerly
from tests.raw_examples import masks_of, photos
from tests.trained_mask_layer import trained_mask_layer

BOX = {"top": 0, "left": 0, "height": 1, "width": 1}


def test_crop_equals_a_slice_of_numpy():
    images = photographs(2, 3, 20, 27)
    result = run_eagerly(Crop(top=3, left=5, height=17, width=22), images)
    np.testing.assert_array_equal(result, images[:, 3:20, 5:27])


@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [0, 3, (1, 4), ((2, 0), (0, 5)), [[1, 2], [3, 4]]])
def test_pad_equals_numpys(mode, padding):
    images = photographs(2, 3, 6, 7)
    rows, columns = padding if isinstance(padding, tuple | list) else (padding, padding)
    pads = [side if isinstance(side, tuple | list) else (side, side) for side in (rows, columns)]
    options = {"constant_values": 0.25} if mode == "constant" else {}
    expected = np.pad(images, [(0, 0), *pads, (0, 0)], mode=mode, **options)
    layer = Pad(padding, mode=mode, value=0.25 if mode == "constant" else 0)
    np.testing.assert_array_equal(run_eagerly(layer, images), expected)


def test_flip_equals_numpys():
    images = photographs(2, 3, 20, 27)
    for mode, axis in {"horizontal": 2, "vertical": 1, "horizontal_and_vertical": (1, 2)}.items():
        np.testing.assert_array_equal(run_eagerly(Flip(mode), images), np.flip(images, axis))


@pytest.mark.parametrize("turns", range(4))
def test_rotate90_equals_numpys(turns):
    images = photographs(2, 3, 20, 27)
    expected = np.rot90(images, turns, axes=(1, 2))
    np.testing.assert_array_equal(run_eagerly(Rotate90(turns), images), expected)


def test_a_recipe_knows_the_size_that_its_layers_give():
    layers = [Crop(0, 2, 20, 10), Rotate90(), Pad((1, 3)), Flip("vertical")]
    assert Recipe(layers=layers).output_shape == (12, 26, 3)
    sized = Recipe(resize={"height": 32, "width": 24}, layers=layers[1:])
    assert sized.output_shape == (26, 38, 3)
    assert Recipe(layers=layers[1:]).output_shape == (None, None, 3)
    Recipe(layers=layers, output=Output(encoding="float"))


def test_a_crop_that_the_recipe_s_size_does_not_hold_is_refused():
    with pytest.raises(ValueError, match=r"Crop needs a height of at least 21\. Received: shape"):
        Recipe(resize={"height": 20, "width": 20}, layers=[Crop(5, 0, 16, 16)])


@pytest.mark.parametrize(
    "layer", [Crop(0, 0, 40, 40), Pad(40, mode="reflect"), Pad(40, mode="symmetric")], ids=repr
)
def test_an_image_too_small_fails_when_only_the_data_shows_it(layer):
    function = tf.function(pixelbake.make_preprocessing_fn(Recipe(layers=[layer])))
    with pytest.raises(tf.errors.InvalidArgumentError):
        function({"image": tf.constant(photos(1, [(39, 39)]))})


@pytest.mark.parametrize(
    "layer",
    [
        Crop(3, 1, 12, 14),
        Pad(((1, 2), (3, 4)), mode="reflect"),
        Flip("horizontal"),
        Rotate90(),
        keras.layers.CenterCrop(10, 12),
        keras.layers.Cropping2D(((1, 2), (3, 4))),
        keras.layers.ZeroPadding2D(2),
        keras.layers.UpSampling2D(2),
    ],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("resize", [None, {"height": 24, "width": 20}])
def test_a_layer_that_moves_pixels_moves_the_mask_with_the_image(layer, resize):
    mask_layer = trained_mask_layer()
    recipe = Recipe(layers=[layer, mask_layer], mask="mask", resize=resize)
    image, mask = photographs(1, 3, 24, 20), photographs(1, 1, 24, 20)[:, ::-1]
    result = run_eagerly(recipe.build_model(), [image, mask])
    expected = run_eagerly(mask_layer, [run_eagerly(layer, image), run_eagerly(layer, mask)])
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_resized_mask_keeps_its_two_values():
    resizing = keras.layers.Resizing(11, 13)
    mask_layer = trained_mask_layer()
    recipe = Recipe(layers=[resizing, mask_layer], mask="mask")
    image = photographs(1, 3, 24, 20)
    mask = (photographs(1, 1, 24, 20) > 0.5).astype(np.float32)
    nearest = run_eagerly(keras.layers.Resizing(11, 13, interpolation="nearest"), mask)
    expected = run_eagerly(mask_layer, [run_eagerly(resizing, image), nearest])
    result = run_eagerly(recipe.build_model(), [image, mask])
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_the_transform_graph_moves_the_mask_too():
    images = photos(2, [(40, 31), (33, 52)])
    layers = [Flip("horizontal"), Rotate90(), trained_mask_layer()]
    recipe = Recipe(layers=layers, mask="mask", output=Output(encoding="raw"))
    function = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    masks = masks_of(images)
    results = function({"image": tf.constant(images), "mask": tf.constant(masks)})["image"]
    model = Recipe(layers=layers[-1:], mask="mask").build_model()
    for image, mask, stored in zip(images, masks, results.numpy(), strict=True):
        both = [
            tf.cast(tf.io.decode_jpeg(image, dct_method="INTEGER_ACCURATE"), tf.float32)[None]
            / 255,
            tf.cast(tf.io.decode_png(mask), tf.float32)[None] / 255,
        ]
        expected = model([np.rot90(x.numpy()[:, :, ::-1], axes=(1, 2)) for x in both]) * 255
        found = tf.io.parse_tensor(stored, tf.uint8).numpy()
        np.testing.assert_allclose(found, expected[0], atol=0.51)


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (Crop, {**BOX, "top": -1}, "top must be an integer of at least 0. Received: top=-1"),
        (Crop, {**BOX, "height": 0}, "height must be an integer of at least 1. Received: height=0"),
        (Pad, {"padding": -1}, "padding must be an integer of at least 0. Received: padding=-1"),
        (Pad, {"padding": (1, 2, 3)}, r"Received: padding=\(1, 2, 3\)"),
        (Pad, {"padding": 1, "mode": "edge"}, "mode must be one of constant, reflect, symm"),
        (Pad, {"padding": 1, "mode": "reflect", "value": 1}, "Received: mode='reflect', value=1"),
        (Flip, {"mode": "left"}, "mode must be one of horizontal, vertical.*Received: mode='left'"),
        (Rotate90, {"turns": 4}, "turns must be an integer from 0 to 3. Received: turns=4"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**arguments)
