"""`pixelbake export`, `inspect`, `report` and `run`, called in this process."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

import pixelbake
from pixelbake.cli.export import export
from pixelbake.cli.inspect import inspect
from pixelbake.cli.report import report
from pixelbake.cli.run import run
from pixelbake.errors import InputError, OutputError, RecipeError, RunError
from pixelbake.job import read_manifest
from tests.job.inputs import PHOTOS, example, write
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


def test_export_and_report_print_their_outcome_as_one_object_where_it_is_asked_for(
    reported, tmp_path
):
    model_of((160, 160, 3)).save(tmp_path / "model.keras")
    said = invoke(export, tmp_path / "model.keras", reported, tmp_path / "out", "--json")
    assert json.loads(said) == {
        "output": str(tmp_path / "out"),
        "outcome": "done",
        "recipe_hash": read_manifest(str(reported)).recipe_hash,
    }
    said = invoke(report, reported, "--json")
    assert json.loads(said) == {"output": f"{reported}/report.html", "outcome": "done"}


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


JOB = """\
input: {{all: in/photos-*}}
output: {output}
recipe:
  resize: {{height: 32, width: 40, method: {method}}}
  layers:
    - {{layer: Brightness, config: {{factor: 1.2}}}}
{more}  numerics: exact
"""
PARTS = [
    "resize by 'lanczos3' (float32)",
    "layers[1] (Rescaling) and the layers after it (float64)",
]


@pytest.fixture(scope="module")
def exact_runs(tmp_path_factory):
    """What `run` says of two exact jobs, of which one has parts that are not, and their folders."""
    folder = tmp_path_factory.mktemp("exact")
    write(folder / "in" / "photos-0", [example(image=PHOTOS[0])])
    layers = ["Rescaling, config: {scale: 0.5}", "Invert"]
    rest = "".join(f"    - {{layer: {layer}}}\n" for layer in layers)
    found = {}
    for name, values in (
        ("wholly", {"method": "bilinear", "more": ""}),
        ("partly", {"method": "lanczos3", "more": rest}),
    ):
        job = folder / f"{name}.yaml"
        job.write_text(JOB.format(output=name, **values))
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")  # the frozen graph warns of the same
            patch.setenv("TF_NUM_INTRAOP_THREADS", "1")  # `run` would set it, for good
            found[name] = (folder / name, invoke(run, job))
    return found


def test_run_and_inspect_name_the_parts_that_are_not_exact(exact_runs):
    output, said = exact_runs["partly"]
    lines = [f"not exact: {part}" for part in PARTS]
    assert said.splitlines()[:2] == lines
    assert [line for line in invoke(inspect, output).splitlines() if "exact:" in line] == lines


def test_the_manifest_names_the_parts_that_are_not_exact(exact_runs):
    output, _ = exact_runs["partly"]
    assert json.loads((output / "manifest.json").read_text())["not_exact"] == PARTS
    assert json.loads(invoke(inspect, output, "--json"))["not_exact"] == PARTS
    assert read_manifest(str(output)).not_exact == tuple(PARTS)


def test_of_an_exact_run_nothing_is_named(exact_runs):
    output, said = exact_runs["wholly"]
    assert "exact" not in said.replace(str(output), "")
    assert "not exact" not in invoke(inspect, output)
    assert read_manifest(str(output)).not_exact == ()
