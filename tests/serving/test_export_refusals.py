"""Models that can be served and models that can't, and what is said about those."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from pixelbake import export_serving_model, read_examples, run_job
from pixelbake.errors import RunError
from pixelbake.job import JobConfig
from pixelbake.recipe import Output, Recipe, Resize
from pixelbake.transform_graph import write_transform_graph
from tests.raw_examples import example, photos, write_examples

PHOTOS = photos(3)
RECIPE = Recipe(resize=Resize(height=8, width=9))


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("graph") / "transform_graph")
    write_transform_graph(RECIPE, folder)
    return folder


def network(shape=(8, 9, 3), dtype="uint8"):
    images = keras.Input(shape, dtype=dtype)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    return keras.Model(images, keras.layers.Dense(2)(x))


def answers(path):
    signature = tf.saved_model.load(str(path)).signatures["serve_image_bytes"]
    return signature(image_bytes=tf.constant(PHOTOS))["outputs"].numpy()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("opened", [str, tft.TFTransformOutput])
def test_the_transform_graph_may_be_a_folder_or_what_tft_opened(graph, opened, slash, tmp_path):
    model = network()
    export_serving_model(model, opened(graph + slash), str(tmp_path / "model"))
    expected = tmp_path / "expected"
    export_serving_model(model, graph, str(expected))
    np.testing.assert_array_equal(answers(tmp_path / "model"), answers(expected))


def test_a_graph_without_a_recipe_needs_one(graph, tmp_path):
    bare = tmp_path / "bare"
    tf.io.gfile.makedirs(str(bare / "transform_fn"))
    for name in ("saved_model.pb", "fingerprint.pb"):
        tf.io.gfile.copy(f"{graph}/transform_fn/{name}", str(bare / "transform_fn" / name))
    tf.io.gfile.makedirs(str(bare / "transform_fn" / "variables"))
    for path in tf.io.gfile.glob(f"{graph}/transform_fn/variables/*"):
        name = path.rsplit("/", 1)[1]
        tf.io.gfile.copy(path, str(bare / "transform_fn" / "variables" / name))
    model = network()
    with pytest.raises(RunError, match="pass recipe="):
        export_serving_model(model, str(bare), str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()
    export_serving_model(model, str(bare), str(tmp_path / "model"), recipe=RECIPE)
    assert answers(tmp_path / "model").shape == (3, 2)


def test_a_lossy_encoding_is_in_the_served_model_too(tmp_path):
    recipe = Recipe(
        resize=Resize(height=8, width=9), output=Output(encoding="jpeg", jpeg_quality=30)
    )
    raw = write_examples(tmp_path / "raw.tfrecord", [example(image=[one]) for one in PHOTOS])
    run = str(tmp_path / "run")
    run_job(JobConfig(input={"all": raw}, output=run, recipe=recipe))
    model = network()
    export_serving_model(model, f"{run}/transform_graph", str(tmp_path / "model"))
    images = read_examples(run, "all").map(lambda row: row["image"])
    expected = model.predict(images.batch(3), verbose=0)
    np.testing.assert_allclose(answers(tmp_path / "model"), expected, atol=1e-5)


class Subclassed(keras.Model):
    """A model without a symbolic input."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, images):
        return self.dense(keras.ops.reshape(keras.ops.cast(images, "float32"), (-1, 216)))


def unbuilt_sequential():
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(2)]
    return keras.Sequential(layers)


@pytest.mark.parametrize("make", [Subclassed, unbuilt_sequential])
def test_a_model_without_symbolic_inputs_is_served_once_it_was_called(graph, make, tmp_path):
    model = make()
    model(np.zeros((1, 8, 9, 3), np.uint8))
    export_serving_model(model, graph, str(tmp_path / "model"))
    assert answers(tmp_path / "model").shape == (3, 2)


@pytest.mark.parametrize("make", [Subclassed, unbuilt_sequential])
def test_a_model_that_was_never_built_is_refused_by_a_value_error_or_built(graph, make, tmp_path):
    try:
        export_serving_model(make(), graph, str(tmp_path / "model"))
    except ValueError:
        assert not (tmp_path / "model").exists()
    else:
        assert answers(tmp_path / "model").shape == (3, 2)


def test_a_model_of_keras_2_is_refused(graph, tmp_path):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Flatten(input_shape=(8, 9, 3))])
    with pytest.raises(TypeError, match=r"must be a Keras 3 model.*Received: .*tf_keras"):
        export_serving_model(model, graph, str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()


def test_a_model_with_two_inputs_is_refused(graph, tmp_path):
    images, mask = keras.Input((8, 9, 3), name="images"), keras.Input((8, 9, 1), name="mask")
    model = keras.Model([images, mask], keras.layers.Multiply()([images, mask]))
    with pytest.raises(ValueError, match=r"image alone. Received: 2 inputs \['images', 'mask'\]"):
        export_serving_model(model, graph, str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("shape", [(8, 10, 3), (8, 9, 4), (8, 9, 1), (216,)])
def test_a_model_over_images_of_another_shape_is_refused(graph, shape, tmp_path):
    with pytest.raises(ValueError, match="shape"):
        export_serving_model(network(shape), graph, str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()
