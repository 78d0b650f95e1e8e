"""A preprocessing_fn gives the same bytes wherever it runs: TFT, the job, a fresh process."""

import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.preprocessing import raw_feature_spec
from pixelbake.recipe import Decode, Feature, Output, Recipe, Resize
from tests.analyze_and_transform import analyze_and_transform
from tests.e2e.fresh_process import write_records
from tests.raw_examples import digits, example, masks_of, photos, read_features, write_examples
from tests.trained_mask_layer import trained_mask_layer

REGISTERED = "preprocessing_tests>Inverted"


@keras.saving.register_keras_serializable(package="preprocessing_tests")
class Inverted(keras.Layer):
    """A class that only this process knows."""

    def call(self, inputs):
        return 1 - inputs


def recipe_for(encoding):
    return Recipe(
        mask="mask",
        resize=Resize(height=48, width=40),
        layers=[Brightness(1.2), GaussianBlur(5, 2.0), trained_mask_layer(), Inverted()],
        output=Output(encoding=encoding),
        passthrough={
            "id": "int64",
            "box": Feature(dtype="float32", shape=(2, 2)),
            "tags": Feature(dtype="bytes", shape=None),
        },
    )


IMAGES = photos(10, [(224, 224), (91, 120), (200, 77)])
FEATURES = {
    "image": IMAGES,
    "mask": masks_of(IMAGES),
    "id": list(range(10)),
    "box": [[i / 7, 1.0, -2.0, 0.1 * i] for i in range(10)],
    "tags": [[b"t%d" % k for k in range(i % 3)] for i in range(10)],
}
EXAMPLES = [
    example(**{n: v[i] if isinstance(v[i], list) else [v[i]] for n, v in FEATURES.items()})
    for i in range(10)
]


@pytest.fixture(scope="module", params=["png", "float"])
def recipe(request):
    return recipe_for(request.param)


@pytest.fixture(scope="module")
def traced(recipe):
    """The images that a tf.function gives."""
    features = tf.io.parse_example(EXAMPLES, raw_feature_spec(recipe))
    function = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    return function(features)["image"].numpy()


@pytest.mark.parametrize("tf1_mode", [False, True], ids=["TF2", "TF1 mode"])
def test_tensorflow_transform_gives_the_bytes_of_a_tf_function(recipe, traced, tf1_mode, tmp_path):
    function = pixelbake.make_preprocessing_fn(recipe)
    rows, _ = analyze_and_transform(
        function, EXAMPLES, raw_feature_spec(recipe), tmp_path, tf1_mode=tf1_mode
    )
    assert sorted(int(row["id"]) for row in rows) == FEATURES["id"]
    for row in rows:
        i = int(row["id"])
        np.testing.assert_array_equal(row["image"], traced[i])
        np.testing.assert_array_equal(row["box"].numpy().ravel(), np.float32(FEATURES["box"][i]))
        assert row["tags"].values.numpy().tolist() == FEATURES["tags"][i]


@pytest.mark.parametrize("tf1_mode", [False, True], ids=["TF2", "TF1 mode"])
def test_a_schema_without_shapes_gives_the_same_bytes(tf1_mode, tmp_path):
    images, labels = digits(5)
    examples = [example(image=[i], label=[n]) for i, n in zip(images, labels, strict=True)]
    spec = {"image": tf.io.VarLenFeature(tf.string), "label": tf.io.VarLenFeature(tf.int64)}
    recipe = Recipe(
        decode=Decode(channels=1), layers=[Brightness(1.2)], passthrough={"label": "int64"}
    )
    function = pixelbake.make_preprocessing_fn(recipe)
    rows, _ = analyze_and_transform(function, examples, spec, tmp_path, tf1_mode=tf1_mode)
    expected = tf.function(function, autograph=False)(
        {"image": tf.constant(images), "label": tf.constant(labels)}
    )
    assert {(row["image"].numpy(), int(row["label"])) for row in rows} == set(
        zip(expected["image"].numpy().tolist(), labels, strict=True)
    )


def job_records(recipe, examples, folder):
    config = pixelbake.JobConfig(
        input={"all": write_examples(folder / "raw.tfrecord", examples)},
        output=str(folder / "run"),
        recipe=recipe,
    )
    manifest = pixelbake.run_job(config)
    return read_features(manifest.paths(config.output, "all"))


def test_the_job_gives_the_bytes_of_a_tf_function(recipe, traced, tmp_path):
    records = job_records(recipe, EXAMPLES, tmp_path)
    assert [record["id"] for record in records] == [[i] for i in FEATURES["id"]]
    for i, record in enumerate(records):
        if recipe.output.encoding == "float":
            np.testing.assert_array_equal(np.float32(record["image"]), traced[i].ravel())
        else:
            assert record["image"] == [traced[i]]
        np.testing.assert_array_equal(record["box"], np.float32(FEATURES["box"][i]))
        assert record["tags"] == FEATURES["tags"][i]


@pytest.mark.parametrize("channels", [1, 4])
def test_the_job_takes_gray_and_transparent_images_too(channels, tmp_path):
    pixels = [tf.io.decode_jpeg(data).numpy() for data in IMAGES[:3]]
    pixels = [np.dstack([one, one[::-1, :, :1]])[..., -channels:] for one in pixels]
    images = [tf.io.encode_png(one).numpy() for one in pixels]
    recipe = Recipe(decode=Decode(channels=channels), layers=[GaussianBlur(3, 1.0)])
    function = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    expected = function({"image": tf.constant(images)})["image"].numpy()
    records = job_records(recipe, [example(image=[image]) for image in images], tmp_path)
    assert [record["image"] for record in records] == [[image] for image in expected]


def test_a_process_that_does_not_know_the_layers_classes_unpickles_it(tmp_path):
    recipe = recipe_for("png").model_copy(update={"passthrough": {}})
    function = pixelbake.make_preprocessing_fn(recipe)
    assert keras.saving.get_registered_object(REGISTERED) is Inverted
    for pickler in (pickle, cloudpickle):
        (tmp_path / f"{pickler.__name__}.pickle").write_bytes(pickler.dumps(function))
    given = [
        f"{name}={write_records(tmp_path / f'{name}.tfrecord', FEATURES[name])}"
        for name in ("image", "mask")
    ]
    script = Path(__file__).with_name("unpickle.py")
    command = [sys.executable, script, tmp_path, tmp_path / "out.npz", REGISTERED, *given]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    features = {name: tf.constant(FEATURES[name]) for name in ("image", "mask")}
    expected = tf.function(function, autograph=False)(features)["image"].numpy()
    with np.load(tmp_path / "out.npz", allow_pickle=True) as out:
        assert sorted(out) == ["cloudpickle", "pickle"]
        for images in out.values():
            assert images.tolist() == expected.tolist()
