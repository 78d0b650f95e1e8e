"""What a recipe's preprocessing_fn does to a batch, in a tf.function."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from pixelbake import make_preprocessing_fn
from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur
from pixelbake.preprocessing import raw_feature_spec
from pixelbake.recipe import Decode, Feature, Output, Recipe, Resize
from tests.raw_examples import digits, masks_of, photos
from tests.stored_images import decode_stored_images
from tests.trained_mask_layer import trained_mask_layer

SIZES = [(60, 80), (97, 33), (224, 224)]
SMALL = Resize(height=24, width=31)


def traced(recipe, features):
    return tf.function(make_preprocessing_fn(recipe), autograph=False)(features)


def stored_pixels(recipe, images, **features):
    """Returns the stored pixels of each image, for recipes that keep each image's own size."""
    stored = traced(recipe, {"image": tf.constant(images), **features})["image"]
    return [decode_stored_images(stored[i : i + 1], recipe).numpy()[0] for i in range(len(images))]


def as_column(values):
    return tf.constant(values)[:, tf.newaxis]


SHAPES = {
    "[B, 1]": as_column,
    "sparse": lambda values: tf.sparse.from_dense(as_column(values)),
    "ragged": lambda values: tf.RaggedTensor.from_tensor(as_column(values)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_scalars_may_come_as_column_sparse_or_ragged(shape):
    images = photos(3)
    features = {
        "image": images,
        "mask": masks_of(images),
        "id": [7, 8, 9],
        "name": [b"a", b"b", b"c"],
    }
    recipe = Recipe(
        mask="mask",
        resize=SMALL,
        layers=[trained_mask_layer()],
        passthrough={"id": "int64", "name": "bytes"},
    )
    expected = traced(recipe, {name: tf.constant(values) for name, values in features.items()})
    result = traced(recipe, {name: SHAPES[shape](values) for name, values in features.items()})
    assert sorted(result) == ["id", "image", "name"]
    for name, values in result.items():
        assert values.shape == (3,)
        np.testing.assert_array_equal(values, expected[name])


UNEVEN = {
    "dense": lambda a, b: tf.constant([[a, a], [b, b]]),
    "sparse": lambda a, b: tf.SparseTensor([[0, 0], [0, 1]], tf.constant([a, b]), (2, 2)),
    "sparse, none in a row": lambda _, b: tf.SparseTensor([[1, 0]], tf.constant([b]), (2, 1)),
    "ragged": lambda a, b: tf.ragged.constant([[a, b], []]),
}


@pytest.mark.parametrize("feature", ["image", "id"])
@pytest.mark.parametrize("shape", UNEVEN)
def test_an_example_without_exactly_one_value_is_an_error_and_shifts_no_other(shape, feature):
    images = photos(2)
    features = {"image": tf.constant(images), "id": tf.constant([7, 8])}
    features[feature] = UNEVEN[shape](*(images if feature == "image" else (7, 8)))
    recipe = Recipe(resize=SMALL, passthrough={"id": "int64"})
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        traced(recipe, features)


@pytest.mark.parametrize("missing", ["image", "mask", "id"])
def test_a_missing_feature_is_named_beside_those_that_are_there(missing):
    recipe = Recipe(mask="mask", layers=[trained_mask_layer()], passthrough={"id": "int64"})
    images = photos(1)
    features = {"image": images, "mask": masks_of(images), "id": [1], "other": [2]}
    del features[missing]
    with pytest.raises(KeyError) as caught:
        traced(recipe, {name: tf.constant(values) for name, values in features.items()})
    assert f"needs feature {missing!r}. Received: {sorted(features)}" in caught.value.args[0]


@pytest.mark.parametrize("encoding", ["png", "raw"])
def test_images_of_several_sizes_in_one_batch_keep_their_own(encoding):
    recipe = Recipe(layers=[GaussianBlur(5, 1.0)], output=Output(encoding=encoding))
    images = photos(6, SIZES)
    together = stored_pixels(recipe, images)
    assert [pixels.shape for pixels in together] == [(*size, 3) for size in SIZES] * 2
    for image, pixels in zip(images, together, strict=True):
        np.testing.assert_array_equal(stored_pixels(recipe, [image])[0], pixels)


def test_a_resize_brings_images_of_several_sizes_to_one():
    recipe = Recipe(resize=Resize(height=30, width=41, antialias=False))
    images = photos(6, SIZES)
    for image, pixels in zip(images, stored_pixels(recipe, images), strict=True):
        decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        expected = cv2.resize(decoded.astype(np.float32), (41, 30))
        assert pixels.shape == (30, 41, 3)
        assert np.abs(pixels - expected).max() <= 0.52


def images_with(channels):
    if channels == 3:
        return photos(3)
    if channels == 1:
        return digits(3)[0]
    rgb = [tf.io.decode_jpeg(data).numpy() for data in photos(3)]
    return [tf.io.encode_png(np.dstack([one, one[::-1, :, 0]])).numpy() for one in rgb]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_number_of_channels_gives_what_the_eager_layers_give(channels):
    images = images_with(channels)
    recipe = Recipe(
        decode=Decode(channels=channels), layers=[Brightness(1.1), GaussianBlur(3, 0.8)]
    )
    for image, pixels in zip(images, stored_pixels(recipe, images), strict=True):
        decoded = tf.io.decode_jpeg(image, dct_method="INTEGER_ACCURATE")  # PNG as well
        x = tf.cast(decoded, tf.float32)[tf.newaxis] * np.float32(1 / 255)
        expected = GaussianBlur(3, 0.8)(Brightness(1.1)(x))[0]
        assert pixels.shape[-1] == channels
        np.testing.assert_array_equal(pixels, np.round(np.clip(expected, 0, 1) * np.float32(255)))


def test_the_mask_says_where_the_image_stays():
    layer = ConditionalPixelTransform(1)
    layer.build([(None, None, None, 3), (None, None, None, 1)])
    layer.set_weights([np.full((1, 1, 1, 1), 200.0), np.array([-100.0])])
    images = photos(2)
    masks = masks_of(images)
    recipe = Recipe(mask="mask", layers=[layer])
    result = stored_pixels(recipe, images, mask=tf.constant(masks))
    for image, mask, pixels in zip(images, masks, result, strict=True):
        original = tf.io.decode_jpeg(image, dct_method="INTEGER_ACCURATE").numpy()
        is_kept = tf.io.decode_png(mask).numpy() > 0
        assert 0 < is_kept.mean() < 1
        np.testing.assert_array_equal(pixels, original * is_kept)


def test_pixels_up_to_255_give_the_same_picture_as_pixels_up_to_1():
    images = photos(2)
    results = [
        stored_pixels(
            Recipe(
                layers=[Brightness(1.3, value_range=top), GaussianBlur(5, 1.0)], value_range=top
            ),
            images,
        )
        for top in ((0, 1), (0, 255))
    ]
    assert np.abs(np.subtract(*results, dtype=int)).max() <= 1
    assert np.mean(results[0]) > 60


def test_floats_leave_as_the_last_layer_gave_them():
    recipe = Recipe(
        resize=SMALL,
        layers=[keras.layers.Rescaling(3, offset=-1)],
        output=Output(encoding="float"),
    )
    result = traced(recipe, {"image": tf.constant(photos(3))})["image"]
    assert (result.dtype, result.shape) == (tf.float32, (3, 24, 31, 3))
    assert result.numpy().min() < -0.5
    assert result.numpy().max() > 1.5


def test_features_are_passed_through_in_their_shapes():
    values = {
        "label": np.array([4, 2], np.int64),
        "box": np.arange(12, dtype=np.float32).reshape(2, 2, 3) / 7,
        "words": np.array([[b"a", b"b"], [b"", b"d"]]),
    }
    tags = tf.SparseTensor([[1, 0], [1, 1]], tf.constant([5, 6], tf.int64), (2, 2))
    recipe = Recipe(
        passthrough={
            "label": "int64",
            "box": Feature(dtype="float32", shape=(2, 3)),
            "words": Feature(dtype="bytes", shape=(2,)),
            "tags": Feature(dtype="int64", shape=None),
        }
    )
    features = {"image": tf.constant(photos(2)), "tags": tags, "unasked": tf.constant([0, 0])}
    result = traced(recipe, {**features, **{k: tf.constant(v) for k, v in values.items()}})
    assert sorted(result) == ["box", "image", "label", "tags", "words"]
    for name, expected in values.items():
        np.testing.assert_array_equal(result[name], expected)
    np.testing.assert_array_equal(result["tags"].indices, tags.indices)
    np.testing.assert_array_equal(result["tags"].values, tags.values)


@pytest.mark.parametrize("encoding", ["png", "raw", "jpeg", "float"])
def test_an_empty_batch_stays_empty(encoding):
    recipe = Recipe(
        resize=SMALL,
        layers=[GaussianBlur(3, 1.0)],
        output=Output(encoding=encoding),
        passthrough={"box": Feature(dtype="float32", shape=(4,))},
    )
    features = {"image": tf.constant([], tf.string), "box": tf.zeros((0, 4))}
    result = traced(recipe, features)
    assert result["image"].shape == ((0, 24, 31, 3) if encoding == "float" else (0,))
    assert result["box"].shape == (0, 4)


def test_the_raw_spec_reads_what_the_recipe_needs_and_serving_needs_only_images():
    recipe = Recipe(
        image="photo",
        mask="mask",
        layers=[trained_mask_layer()],
        passthrough={
            "label": "int64",
            "box": Feature(dtype="float32", shape=(2, 2)),
            "tags": Feature(dtype="bytes", shape=None),
        },
    )
    images = {name: tf.io.FixedLenFeature((), tf.string) for name in ("photo", "mask")}
    assert raw_feature_spec(recipe, serving=True) == images
    assert raw_feature_spec(recipe) == {
        **images,
        "label": tf.io.FixedLenFeature((), tf.int64),
        "box": tf.io.FixedLenFeature((2, 2), tf.float32),
        "tags": tf.io.VarLenFeature(tf.string),
    }


def test_a_notebook_that_shows_it_is_not_flooded():
    recipe = Recipe(layers=[GaussianBlur(5, 1.0)])
    assert len(repr(make_preprocessing_fn(recipe))) < 400
