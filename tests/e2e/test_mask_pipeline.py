"""The mask pipeline run three times under LocalDagRunner: it learns, applies, gets no better."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tfx", reason="this stack has no TFX")

import pixelbake
from pipeline.flower_crops import write_flower_crops
from pipeline.mask_figures import held_out_images, read_figures
from pipeline.mask_pipeline import MAX_ERROR
from pipeline.mask_runner import run_next, written_recipe
from tests.e2e.fresh_process import ask

pytestmark = [pytest.mark.slow, pytest.mark.tfx]

TRAIN_STEPS = 480


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder in which the pipeline has run twice."""
    place = tmp_path_factory.mktemp("nightly")
    write_flower_crops(place / "crops")
    assert written_recipe(place) is None
    for _ in range(2):
        run(place, TRAIN_STEPS)
    return place


def run(place: Path, train_steps: int) -> None:
    run_next(place / "crops", place, place / "serving", train_steps)


def artifacts(place: Path, component: str, output: str) -> list[Path]:
    folders = (place / "artifacts" / component / output).iterdir()
    return sorted(folders, key=lambda folder: int(folder.name))


def pushed(place: Path) -> list[Path]:
    return sorted((place / "serving").iterdir(), key=lambda folder: int(folder.name))


def held_out(place: Path) -> tuple[list[bytes], np.ndarray]:
    """Returns the raw Examples and their labels."""
    files = [str(path) for path in (place / "crops").glob("eval-*")]
    records = list(tf.data.TFRecordDataset(files).as_numpy_iterator())
    features = [tf.train.Example.FromString(record).features.feature for record in records]
    return records, np.array([one["flower"].float_list.value[0] for one in features])


@pytest.fixture(scope="module")
def figures(place):
    return read_figures(place)


def test_the_mask_that_the_first_run_learned_makes_the_second_runs_model_better(figures):
    assert figures.without_mask < figures.guessing
    assert figures.with_mask < 0.6 * figures.without_mask
    assert figures.in_flower > figures.elsewhere + 0.3


def test_the_second_run_applies_the_mask_to_every_image(place):
    plain, masked = (np.stack(images) for images in held_out_images(place))
    assert plain.shape == masked.shape == (200, 48, 48, 3)
    kernel, bias = (weight.to_array() for weight in written_recipe(place).layers[0].weights)
    pixels = plain.astype(np.float64) / 255
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    logits = np.einsum("bhwcyx,yxco->bhwo", windows, kernel.astype(np.float64)) + bias
    expected = pixels / (1 + np.exp(-logits)) * 255
    assert np.abs(masked - expected).max() < 0.501  # rounded to whole levels


def test_the_second_runs_manifest_holds_the_hash_of_the_weights_that_the_first_run_wrote(
    place, figures
):
    first, second = (
        pixelbake.read_manifest(str(folder))
        for folder in artifacts(place, "PixelTransform", "transformed_examples")
    )
    assert first.weights_hashes == {}
    recipe = (artifacts(place, "Trainer", "model_run")[0] / "next_recipe.json").read_text()
    kernel, bias = pixelbake.Recipe.from_json(recipe).layers[0].weights
    digest = hashlib.sha256()
    for weight in (kernel, bias):
        digest.update(str(list(weight.shape)).encode() + weight.to_array().tobytes())
    assert second.weights_hashes == {"layers[0]": digest.hexdigest()}
    assert figures.weights_hash == digest.hexdigest()
    assert first.recipe.hash != second.recipe.hash


def test_no_variable_is_in_the_second_runs_transform_graph(place):
    graph = artifacts(place, "PixelTransform", "transform_graph")[1]
    saved = tf.saved_model.load(str(graph / "transform_fn"))
    definition = saved.signatures["serving_default"].graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    assert "Conv2D" in {node.op for node in nodes}
    assert not [node.name for node in nodes if node.op == "VarHandleOp" or "Variable" in node.op]


def error_of(model: Path, place: Path) -> float:
    """Returns the mean absolute error on raw held-out crops, where only TensorFlow is."""
    records, flower = held_out(place)
    answers = ask(model, "serving_default", examples=records)["outputs"][:, 0]
    return float(np.abs(answers - flower).mean())


def test_the_pushed_models_have_the_errors_that_evaluator_says_where_only_tensorflow_is(
    place, figures
):
    errors = [error_of(model, place) for model in pushed(place)[:2]]
    assert errors == pytest.approx([figures.without_mask, figures.with_mask], abs=1e-5)


def test_the_export_answers_raw_crops_as_the_model_answers_the_runs_images(figures):
    assert figures.compared == 64
    assert figures.largest_skew < 1e-5


def test_a_third_run_keeps_the_mask_and_pushes_no_model_that_is_no_better(place):
    recipe, before = written_recipe(place), pushed(place)
    assert len(before) == 2
    run(place, TRAIN_STEPS)
    assert written_recipe(place) == recipe
    model = artifacts(place, "Trainer", "model")[2] / "Format-Serving"
    assert error_of(model, place) < MAX_ERROR  # it is the comparison that refuses it
    assert (artifacts(place, "Evaluator", "blessing")[2] / "NOT_BLESSED").exists()
    assert (artifacts(place, "ServingCheck", "blessing")[2] / "INFRA_BLESSED").exists()
    assert pushed(place) == before
