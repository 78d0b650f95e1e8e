"""`pixelbake export` and `inspect` of a run, called in this process."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

import pixelbake
from pixelbake.cli.export import export
from pixelbake.cli.inspect import inspect
from pixelbake.errors import InputError, OutputError, RecipeError, RunError
from tests.job.inputs import PHOTOS
from tests.report.conftest import reported as reported


def invoke(command, *args) -> str:
    done = CliRunner().invoke(command, [str(arg) for arg in args], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def model_of(shape) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input(shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(2)])


def test_the_export_predicts_from_raw_images_what_the_model_does_from_the_runs(reported, tmp_path):
    model = model_of((160, 160, 3))
    model.save(tmp_path / "model.keras")
    assert invoke(export, tmp_path / "model.keras", reported, tmp_path / "out").endswith("out\n")
    serve = tf.saved_model.load(str(tmp_path / "out")).signatures["serve_image_bytes"]
    served = serve(image_bytes=tf.constant([PHOTOS[0]]))["outputs"]
    stored = next(iter(pixelbake.read_examples(str(reported), "train").batch(1)))["image"]
    np.testing.assert_allclose(served, model(stored), rtol=1e-5)


def test_what_cannot_be_exported_is_told(reported, tmp_path):
    lambdas = keras.Sequential([keras.Input((160, 160, 3)), keras.layers.Lambda(lambda x: x)])
    lambdas.save(tmp_path / "lambda.keras")
    with pytest.raises(RecipeError, match=r"lambda.keras can't be loaded"):
        invoke(export, tmp_path / "lambda.keras", reported, tmp_path / "out")
    with pytest.raises(RecipeError, match="no such file"):
        invoke(export, tmp_path / "none.keras", reported, tmp_path / "out")
    model_of((8, 8, 3)).save(tmp_path / "small.keras")
    with pytest.raises(InputError, match=r"small.keras: the model does not take the recipe's"):
        invoke(export, tmp_path / "small.keras", reported, tmp_path / "out")
    with pytest.raises(OutputError, match="is not empty"):
        invoke(export, tmp_path / "small.keras", reported, tmp_path)
    with pytest.raises(RunError, match="no finished run"):
        invoke(export, tmp_path / "small.keras", tmp_path, tmp_path / "out")


def test_inspect_tells_what_a_run_did(reported):
    said = invoke(inspect, reported)
    assert "  GaussianBlur: kernel_size=5, sigma=2\n" in said
    assert "  decode_failed: 1\n" in said
    assert json.loads(invoke(inspect, reported, "--json"))["format"] == "pixelbake-run"
