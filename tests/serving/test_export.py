"""The exported model, asked where nothing but TensorFlow can be imported."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

import pixelbake
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Decode, Output, Recipe, Resize
from tests.e2e.fresh_process import ask, write_records
from tests.raw_examples import digits, example, masks_of, photos, read_features, write_examples
from tests.trained_mask_layer import trained_mask_layer

DIGITS, LABELS = digits(20)
PHOTOS = photos(6, [(224, 224), (91, 120), (200, 77)])
MASKS = masks_of(PHOTOS)

RECIPES = {
    "one output": Recipe(
        decode=Decode(channels=1),
        resize=Resize(height=16, width=16),
        layers=[Brightness(1.2), GaussianBlur(3, 0.8)],
        passthrough={"label": "int64"},
    ),
    "a dict": Recipe(
        image="photo",
        mask="mask",
        resize=Resize(height=24, width=40),
        layers=[trained_mask_layer()],
        output=Output(encoding="raw"),
    ),
    "a list": Recipe(
        image="photo",
        resize=Resize(height=24, width=40),
        layers=[GaussianBlur(3, 0.8)],
        output=Output(encoding="float"),
        passthrough={"name": "bytes"},
    ),
}
#: What the raw TFRecords hold, and what a request holds of it.
RAW = {
    "one output": {"image": DIGITS, "label": LABELS},
    "a dict": {"photo": PHOTOS, "mask": MASKS},
    "a list": {"photo": PHOTOS, "name": [b"%d" % i for i in range(len(PHOTOS))]},
}
OUTPUTS = {"one output": ["outputs"], "a dict": ["colour", "shape"], "a list": ["first", "second"]}


def model_with(kind, recipe):
    """A network with random weights over the recipe's images."""
    keras.utils.set_random_seed(3)
    is_float = recipe.output.encoding == "float"
    images = keras.Input(recipe.output_shape, dtype="float32" if is_float else "uint8")
    x = keras.layers.Rescaling(1.0 if is_float else 1 / 255)(images)
    x = keras.layers.MaxPooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    first = keras.layers.Dense(10, activation="softmax", name="first")(x)
    second = keras.layers.Dense(3, name="second")(x)
    outputs = {"one output": first, "a list": [first, second]}
    outputs["a dict"] = {"colour": first, "shape": second}
    return keras.Model(images, outputs[kind])


@dataclass
class Exported:
    """An exported model and what it must answer."""

    kind: str
    recipe: Recipe
    run: str
    model: keras.Model
    path: Path
    raw: list[bytes]
    requests: list[bytes]

    @property
    def graph(self):
        return f"{self.run}/transform_graph"

    def stored(self):
        records = read_features([*map(str, Path(self.run, "examples", "Split-all").iterdir())])
        return [record[self.recipe.image] for record in records]

    def expected(self):
        """By output name, what the model predicts for the Examples as a trainer reads them."""
        rows = pixelbake.read_examples(self.run, "all").map(lambda row: row[self.recipe.image])
        outputs = self.model.predict(rows.batch(7), verbose=0)
        if isinstance(outputs, dict):
            return outputs
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return dict(zip(OUTPUTS[self.kind], outputs, strict=True))

    def check(self, answers):
        expected = self.expected()
        assert sorted(answers) == sorted(expected) == OUTPUTS[self.kind]
        assert np.ptp(next(iter(expected.values())), axis=0).max() > 0.01, "all answers are alike"
        for name, values in expected.items():
            np.testing.assert_allclose(answers[name], values, atol=1e-5)


def export(kind, folder):
    recipe, columns = RECIPES[kind], RAW[kind]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    raw = [example(**{name: [value] for name, value in row.items()}) for row in rows]
    asked = [n for n in columns if n in (recipe.image, recipe.mask)]
    config = pixelbake.JobConfig(
        input={"all": write_examples(folder / "raw.tfrecord", raw)},
        output=str(folder / "run"),
        recipe=recipe,
    )
    pixelbake.run_job(config)
    model = model_with(kind, recipe)
    graph = f"{config.output}/transform_graph"
    given = tft.TFTransformOutput(graph) if kind == "a dict" else graph
    pixelbake.export_serving_model(model, given, str(folder / "model"))
    requests = [example(**{name: [row[name]] for name in asked}) for row in rows]
    return Exported(kind, recipe, config.output, model, folder / "model", raw, requests)


@pytest.fixture(scope="module")
def all_exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return {kind: export(kind, folder / kind.replace(" ", "-")) for kind in RECIPES}


@pytest.fixture(scope="module", params=list(RECIPES))
def exported(request, all_exported):
    return all_exported[request.param]


def image_bytes(exported):
    columns = RAW[exported.kind]
    names = [n for n in (exported.recipe.image, exported.recipe.mask) if n]
    return dict(zip(["image_bytes", "mask_bytes"], [columns[name] for name in names], strict=False))


def test_a_fresh_process_answers_requests_without_labels_as_the_model_does(exported):
    exported.check(ask(exported.path, "serving_default", examples=exported.requests))


def test_a_fresh_process_answers_encoded_images_of_any_size(all_exported):
    exported = all_exported["a dict"]
    exported.check(ask(exported.path, "serve_image_bytes", **image_bytes(exported)))


def test_a_fresh_process_gives_the_images_as_the_job_stored_them(all_exported):
    exported = all_exported["one output"]
    answers = ask(exported.path, "transform_features", examples=exported.requests)
    assert list(answers) == ["image"]
    assert [[image] for image in answers["image"]] == exported.stored()


def test_the_session_loader_of_tensorflow_1_opens_it_in_a_fresh_process(all_exported, tmp_path):
    command = [sys.executable, Path(__file__).with_name("predict_v1.py")]
    outs = {kind: tmp_path / f"{i}.npz" for i, kind in enumerate(RECIPES)}
    for kind, exported in all_exported.items():
        given = write_records(outs[kind].with_suffix(".tfrecord"), exported.requests)
        command += [exported.path, "serving_default", outs[kind], given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for kind, exported in all_exported.items():
        with np.load(outs[kind]) as out:
            exported.check(dict(out))


def test_keras_takes_it_for_a_layer(exported):
    layer = keras.layers.TFSMLayer(str(exported.path), call_endpoint="serving_default")
    exported.check(layer(tf.constant(exported.requests)))


@pytest.mark.parametrize("kind", ["one output", "a list"])
def test_keras_takes_the_signature_for_encoded_images_for_a_layer(all_exported, kind):
    exported = all_exported[kind]
    layer = keras.layers.TFSMLayer(str(exported.path), call_endpoint="serve_image_bytes")
    exported.check(layer(tf.constant(image_bytes(exported)["image_bytes"])))


def test_features_that_are_not_needed_may_be_in_the_request(exported):
    answer = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    exported.check(answer(examples=tf.constant(exported.raw)))


def test_a_batch_of_one_gets_the_answer_it_gets_among_others(exported):
    answer = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    rows = [answer(examples=tf.constant([request])) for request in exported.requests]
    exported.check({name: np.concatenate([row[name] for row in rows]) for name in rows[0]})


def test_an_empty_batch_gets_no_answers(exported):
    answer = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    for values in answer(examples=tf.constant([], tf.string)).values():
        assert values.shape[0] == 0


def test_stored_images_leave_the_transform_signature_as_the_job_wrote_them(exported):
    transform = tf.saved_model.load(str(exported.path)).signatures["transform_features"]
    images = transform(examples=tf.constant(exported.requests))[exported.recipe.image].numpy()
    for image, stored in zip(images, exported.stored(), strict=True):
        if exported.recipe.output.encoding == "float":
            np.testing.assert_array_equal(image.ravel(), np.float32(stored))
        else:
            assert [image] == stored


def test_the_inputs_are_named_as_the_signatures_promise(exported):
    signatures = tf.saved_model.load(str(exported.path)).signatures
    names = {key: sorted(one.structured_input_signature[1]) for key, one in signatures.items()}
    assert names == {
        "serving_default": ["examples"],
        "serve_image_bytes": list(image_bytes(exported)),
        "serve_valid_images": list(image_bytes(exported)),
        "serve_pixels": ["pixels"],
        "transform_features": ["examples"],
    }


def test_a_model_of_one_size_is_told_that_the_recipe_has_no_resize(tmp_path):
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    for recipe, advice in [(Recipe(), True), (Recipe(resize=Resize(height=9, width=9)), False)]:
        with pytest.raises(ValueError, match="does not take the recipe's images") as caught:
            pixelbake.export_serving_model(model, "graph", str(tmp_path / "out"), recipe=recipe)
        assert ("A recipe with a resize gives images of one size" in str(caught.value)) == advice


def test_a_request_without_its_image_is_an_error(exported):
    answer = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"is missing or empty.*\[1\]"):
        answer(examples=tf.constant([exported.requests[0], example(other=[1])]))
