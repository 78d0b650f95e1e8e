"""Every way in which serving gets away from training is found, and none is found where none is."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pixelbake import verify_serving_model
from pixelbake.errors import InputError, RunError
from pixelbake.recipe import Output, Recipe
from pixelbake.serving.module import ServingModule
from tests.verify.exports import LOSSY, RECIPE, SIZE, SKEWS, export, make_run, stale_graph


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("photos"), RECIPE)


@pytest.fixture(scope="module")
def clean(run, tmp_path_factory):
    return export(run, tmp_path_factory.mktemp("clean"))


def test_the_run_s_own_export_is_consistent(run, clean, tmp_path):
    found = verify_serving_model(run.folder, clean, picture=str(tmp_path / "skew.png"))
    assert found.consistent, str(found)
    assert (found.records, found.of, found.skewed) == (14, 14, 0)
    assert (found.pixels.differing, found.pixels.values) == (0, 14 * 40 * 48 * 3)
    assert {(one.signature, one.output) for one in found.predictions} == {
        ("serving_default", "outputs"),
        ("serve_image_bytes", "outputs"),
        ("serve_valid_images", "outputs"),
    }
    assert found.worst is None
    assert not (tmp_path / "skew.png").exists()
    assert str(found).startswith("consistent: ")


def check(found, run, stage):
    assert not found.consistent, str(found)
    assert found.skewed > 0
    assert found.worst.stage == stage
    assert found.worst.file.startswith(f"{run.folder.removesuffix('run')}in/photos-")
    assert str(found).startswith("SKEW: ")
    assert f"first differs at: {stage}" in str(found)


@pytest.mark.parametrize(
    "name",
    [
        name if i == 0 else pytest.param(name, marks=pytest.mark.slow)
        for i, name in enumerate(SKEWS)
    ],
)
def test_skew_is_found_and_the_stage_where_it_begins(name, run, tmp_path):
    skew = SKEWS[name]
    if skew.lossy:
        run = make_run(tmp_path, LOSSY)
    with pytest.MonkeyPatch.context() as patch:
        model = export(run, tmp_path, skew.make(patch))
    picture = tmp_path / "skew.png"
    found = verify_serving_model(run.folder, model, sample=5, picture=str(picture))
    check(found, run, skew.stage)
    if skew.recipe_line is None:
        assert all("layers" in line for line in found.recipe_differences)
    else:
        assert skew.recipe_line in found.recipe_differences
    with Image.open(picture) as image:
        assert np.ptp(np.asarray(image)) > 0
    assert json.loads(found.to_json())["consistent"] is False


@pytest.mark.slow
def test_a_stale_graph_under_the_new_recipe_s_name_is_found(run, tmp_path):
    found = verify_serving_model(run.folder, stale_graph(run, tmp_path), sample=5)
    check(found, run, "layers[0]")
    assert found.recipe_differences == ()


@pytest.mark.slow
def test_allowing_for_rounding_hides_no_skew(run, tmp_path):
    skew = SKEWS["a factor changed after training"]
    model = export(run, tmp_path, skew.make(None))
    found = verify_serving_model(run.folder, model, allow_rounding=True)
    check(found, run, skew.stage)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["raw", "float", "jpeg"])
def test_a_clean_export_is_consistent_whatever_the_encoding(encoding, tmp_path):
    recipe = Recipe(
        mask="mask", resize=SIZE, layers=RECIPE.layers, output=Output(encoding=encoding)
    )
    run = make_run(tmp_path, recipe)
    found = verify_serving_model(run.folder, export(run, tmp_path))
    assert found.consistent, str(found)
    assert found.pixels.differing == 0


def test_a_model_that_sees_other_pixels_than_the_transform_signature_shows_is_found(
    run, tmp_path, monkeypatch
):
    predict = ServingModule._predict

    def upside_down(self, pixels):
        # serve_pixels feeds a placeholder; what comes from raw records is computed in the graph.
        is_given = pixels.op.type == "Placeholder"
        return predict(self, pixels if is_given else tf.reverse(pixels, [1]))

    monkeypatch.setattr(ServingModule, "_predict", upside_down)
    found = verify_serving_model(run.folder, export(run, tmp_path), sample=5)
    assert not found.consistent
    assert (found.skewed, found.pixels.differing) == (0, 0)
    assert found.worst.stage == "model"
    assert all(not one.is_within for one in found.predictions)


@pytest.mark.parametrize("sample", [0, -1])
def test_a_sample_of_none_is_refused(run, clean, sample):
    with pytest.raises(ValueError, match=f"at least 1. Received: sample={sample}"):
        verify_serving_model(run.folder, clean, sample=sample)


def test_a_folder_that_is_no_export_is_the_user_s_mistake(run, tmp_path):
    with pytest.raises(InputError, match="is no SavedModel"):
        verify_serving_model(run.folder, str(tmp_path))
    tf.saved_model.save(tf.Module(), str(tmp_path / "plain"))
    with pytest.raises(InputError, match="it lacks the signatures serving_default"):
        verify_serving_model(run.folder, str(tmp_path / "plain"))


def test_a_folder_that_is_no_run_is_refused(clean, tmp_path):
    with pytest.raises(RunError, match="is no finished run"):
        verify_serving_model(str(tmp_path), clean)
