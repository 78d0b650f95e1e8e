"""Requests with images that can't be decoded, one signature after the other."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pixelbake import export_serving_model
from pixelbake.layers import GaussianBlur
from pixelbake.recipe import Output, Recipe, Resize
from pixelbake.transform_graph import write_transform_graph
from tests.e2e.fresh_process import ask, write_records
from tests.raw_examples import example, masks_of, photos
from tests.trained_mask_layer import trained_mask_layer

PHOTOS = photos(5, [(224, 224), (91, 120)])
MASKS = masks_of(PHOTOS)
CUT, NO_IMAGE, EMPTY = PHOTOS[2][:900], b"GIF89a no", b""
#: Positions 1, 4 and 6 are bad.
REQUEST = [PHOTOS[0], CUT, PHOTOS[1], PHOTOS[2], NO_IMAGE, PHOTOS[3], EMPTY]
BAD = [1, 4, 6]
GOOD = [0, 2, 3, 5]


def network(recipe, *extra_outputs):
    images = keras.Input(recipe.output_shape, dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    scores = keras.layers.Dense(3, activation="softmax")(x)
    best = keras.layers.Lambda(lambda s: keras.ops.argmax(s, axis=-1), output_shape=())(scores)
    return keras.Model(images, {"scores": scores, "best": best, **dict.fromkeys(extra_outputs, x)})


def export(folder, recipe, *extra_outputs):
    write_transform_graph(recipe, str(folder / "graph"))
    keras.utils.set_random_seed(1)
    export_serving_model(network(recipe, *extra_outputs), str(folder / "graph"), str(folder / "m"))
    return folder / "m"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    recipe = Recipe(resize=Resize(height=24, width=32), layers=[GaussianBlur(3, 0.8)])
    return export(tmp_path_factory.mktemp("bad"), recipe)


@pytest.fixture(scope="module")
def signatures(model):
    loaded = tf.saved_model.load(str(model))
    yield loaded.signatures
    del loaded


@pytest.mark.parametrize("name", ["serving_default", "transform_features"])
def test_a_request_of_examples_with_bad_images_is_refused_and_the_positions_are_named(
    signatures, name
):
    examples = [example(image=[data or b"\0"]) for data in REQUEST]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at positions.*\[1 4 6\].*\[?7"):
        signatures[name](examples=tf.constant(examples))


def test_a_request_of_bytes_with_bad_images_is_refused_and_the_positions_are_named(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at positions.*\[1 4 6\].*\[?7"):
        signatures["serve_image_bytes"](image_bytes=tf.constant(REQUEST))


def test_an_example_without_an_image_is_named_by_its_position(signatures):
    examples = [example(image=[PHOTOS[0]]), example(other=[1])]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"feature image is missing.*\[1\]"):
        signatures["serving_default"](examples=tf.constant(examples))


def test_the_good_images_of_a_batch_are_answered_as_if_they_were_asked_for_alone(model):
    answers = ask(model, "serve_valid_images", image_bytes=REQUEST)
    alone = ask(model, "serve_image_bytes", image_bytes=[REQUEST[i] for i in GOOD])
    np.testing.assert_array_equal(answers["valid"], [i in GOOD for i in range(len(REQUEST))])
    np.testing.assert_allclose(answers["scores"][GOOD], alone["scores"], atol=1e-6)
    np.testing.assert_array_equal(answers["best"][GOOD], alone["best"])
    assert np.ptp(alone["scores"], axis=0).max() > 0.01, "all answers are alike"


def test_the_rows_of_bad_images_can_not_be_taken_for_answers(signatures):
    answers = signatures["serve_valid_images"](image_bytes=tf.constant(REQUEST))
    assert np.isnan(answers["scores"].numpy()[BAD]).all()
    assert (answers["best"].numpy()[BAD] == 0).all()


@pytest.mark.parametrize("request_", [[], [CUT], [PHOTOS[0]]], ids=["none", "bad", "good"])
def test_requests_of_any_size_are_answered_row_by_row(signatures, request_):
    answers = signatures["serve_valid_images"](image_bytes=tf.constant(request_, tf.string))
    assert answers["valid"].shape == (len(request_),)
    assert answers["scores"].shape == (len(request_), 3)
    assert list(answers["valid"].numpy()) == [data == PHOTOS[0] for data in request_]


def test_the_session_loader_of_tensorflow_1_answers_the_good_images_too(model, tmp_path):
    given = write_records(tmp_path / "in.tfrecord", REQUEST)
    script = Path(__file__).with_name("predict_v1.py")
    command = [sys.executable, script, model, "serve_valid_images", tmp_path / "out.npz", given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_array_equal(np.flatnonzero(~out["valid"]), BAD)
        assert np.isfinite(out["scores"][GOOD]).all()


def test_a_bad_mask_makes_its_image_invalid(tmp_path):
    recipe = Recipe(mask="mask", resize=Resize(height=24, width=32), layers=[trained_mask_layer()])
    answer = tf.saved_model.load(str(export(tmp_path, recipe))).signatures["serve_valid_images"]
    masks = [MASKS[0], b"", *MASKS[2:]]
    answers = answer(image_bytes=tf.constant(PHOTOS), mask_bytes=tf.constant(masks))
    assert answers["valid"].numpy().tolist() == [True, False, True, True, True]


def test_a_lossy_image_graph_steps_over_bad_images_too(tmp_path):
    recipe = Recipe(resize=Resize(height=24, width=32), output=Output(encoding="jpeg"))
    answer = tf.saved_model.load(str(export(tmp_path, recipe))).signatures["serve_valid_images"]
    answers = answer(image_bytes=tf.constant(REQUEST))
    assert np.flatnonzero(~answers["valid"].numpy()).tolist() == BAD


def test_a_model_that_calls_an_output_valid_is_refused(tmp_path):
    recipe = Recipe(resize=Resize(height=24, width=32))
    with pytest.raises(ValueError, match="an output named 'valid'"):
        export(tmp_path, recipe, "valid")
    assert not (tmp_path / "m").exists()
