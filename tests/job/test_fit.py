"""Layers fitted on the data: by the job, over real photographs."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake
from pixelbake.errors import InputError, RecipeError
from pixelbake.job import Fit, JobConfig, read_manifest, run_job
from pixelbake.job.fit import fit_layers
from pixelbake.job.shards import plan_shards
from pixelbake.layers import Brightness, BrightnessNormalization, ContrastStretching
from pixelbake.recipe import Output, Recipe, Resize
from tests.job.inputs import PHOTOS, example, pixels_of, write

TRAIN, EVAL = PHOTOS[:20], PHOTOS[20:]
BROKEN = example(image=PHOTOS[5][:700], label=5)


def floats(images) -> np.ndarray:
    return np.stack([pixels_of(image) for image in images]).astype(np.float64) / 255


@pytest.fixture
def data(tmp_path):
    """Three shards for training, one for evaluation, and one bad record among the first."""
    records = [example(image=image, label=n) for n, image in enumerate(TRAIN)]
    write(tmp_path / "train-0", [*records[:7], BROKEN])
    write(tmp_path / "train-1", records[7:14])
    write(tmp_path / "train-2", [*records[14:], b"no Example"])
    write(tmp_path / "eval-0", [example(image=image, label=9) for image in EVAL])
    return tmp_path


def tasks_in(folder, train="train-*"):
    return plan_shards({"train": [f"{folder}/{train}"], "eval": [f"{folder}/eval-*"]})


def fit(folder, recipe, cache=None, splits=("train",), train="train-*"):
    return fit_layers(
        recipe, tasks_in(folder, train), str(cache or folder / "counts"), splits=splits
    )


def test_the_mean_brightness_is_numpys_over_the_same_pixels(data):
    recipe, _ = fit(data, Recipe(layers=[BrightnessNormalization(0.5)]))
    assert recipe.layers[0].config["mean"] == pytest.approx(floats(TRAIN).mean(), rel=1e-12)
    assert recipe.unfitted == ()


def test_the_percentiles_are_numpys_over_the_same_pixels(data):
    recipe, _ = fit(data, Recipe(layers=[ContrastStretching(2, 97)]))
    expected = np.percentile(floats(TRAIN), [2, 97])
    config = recipe.layers[0].config
    assert [config["darkest"], config["brightest"]] == pytest.approx(expected, rel=1e-12)


def test_keras_own_normalization_is_fitted_by_channel_as_its_adapt_would(data):
    recipe, _ = fit(
        data, Recipe(layers=[keras.layers.Normalization()], output=Output(encoding="raw"))
    )
    config = recipe.layers[0].config
    assert config["mean"] == pytest.approx(floats(TRAIN).mean((0, 1, 2)), rel=1e-12)
    assert config["variance"] == pytest.approx(floats(TRAIN).var((0, 1, 2)), rel=1e-12)
    adapted = keras.layers.Normalization()
    adapted.adapt(floats(TRAIN).astype(np.float32))
    # Keras adds up in float32, and is off in the fourth digit.
    np.testing.assert_allclose(config["mean"], adapted.mean.numpy().ravel(), rtol=2e-3)
    np.testing.assert_allclose(config["variance"], adapted.variance.numpy().ravel(), rtol=2e-3)


def test_statistics_of_pixels_up_to_255_are_in_their_own_range(data):
    layer = BrightnessNormalization(120, value_range=(0, 255))
    recipe, _ = fit(data, Recipe(layers=[layer], value_range=(0, 255)))
    expected = floats(TRAIN).mean() * 255
    assert recipe.layers[0].config["mean"] == pytest.approx(expected, rel=1e-12)


def test_a_layer_is_fitted_on_the_pixels_that_the_layers_before_it_give(data):
    layers = [Brightness(0.6), BrightnessNormalization(0.5), ContrastStretching()]
    recipe, fitted = fit(data, Recipe(layers=layers))
    dark = floats(TRAIN) * 0.6
    mean = recipe.layers[1].config["mean"]
    assert mean == pytest.approx(dark.mean(), rel=1e-6)
    bright = np.clip(dark * 0.5 / mean, 0, 1)
    found = recipe.layers[2].config
    expected = np.percentile(bright, [1, 99])
    assert [found["darkest"], found["brightest"]] == pytest.approx(expected, abs=2 / 4080)
    assert [one.index for one in fitted] == [1, 2]


def test_only_the_named_splits_are_looked_at(data):
    unfitted = Recipe(layers=[BrightnessNormalization(0.5)])
    on_train, _ = fit(data, unfitted)
    on_both, _ = fit(data, unfitted, splits=("train", "eval"))
    everything = floats([*TRAIN, *EVAL]).mean()
    assert on_both.layers[0].config["mean"] == pytest.approx(everything, rel=1e-12)
    assert on_train != on_both


def test_bad_records_do_not_count_and_are_counted(data):
    _, (fitted,) = fit(data, Recipe(layers=[BrightnessNormalization(0.5)]))
    assert (fitted.images, fitted.skipped) == (20, 2)


def test_with_a_cache_a_new_span_alone_is_read(data, tmp_path):
    unfitted = Recipe(layers=[BrightnessNormalization(0.5)])
    cache = tmp_path / "cache"
    before, _ = fit(data, unfitted, cache, train="train-[01]")
    counted = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    after, _ = fit(data, unfitted, cache)
    again = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert {name: again[name] for name in counted} == counted
    assert len(again) - len(counted) == 2  # the counts of the new file, and the new total
    assert before.layers[0].config["mean"] == pytest.approx(floats(TRAIN[:14]).mean(), rel=1e-12)
    assert after.layers[0].config["mean"] == pytest.approx(floats(TRAIN).mean(), rel=1e-12)


def test_the_cache_is_not_taken_for_a_file_that_has_changed(data, tmp_path):
    unfitted = Recipe(layers=[BrightnessNormalization(0.5)])
    fit(data, unfitted, tmp_path / "cache")
    write(data / "train-1", [example(image=EVAL[0], label=1)])
    changed, _ = fit(data, unfitted, tmp_path / "cache")
    expected = floats([*TRAIN[:7], EVAL[0], *TRAIN[14:]]).mean()
    assert changed.layers[0].config["mean"] == pytest.approx(expected, rel=1e-12)


def test_the_cache_is_not_taken_for_other_layers_before_it(data, tmp_path):
    plain = Recipe(layers=[BrightnessNormalization(0.5)])
    dark = Recipe(layers=[Brightness(0.5), BrightnessNormalization(0.5)])
    means = [fit(data, r, tmp_path / "cache")[0].layers[-1].config["mean"] for r in (plain, dark)]
    assert means[1] == pytest.approx(means[0] / 2, rel=1e-3)


def test_a_split_that_is_not_there_is_named(data):
    with pytest.raises(InputError, match=r"train, eval\. Received: training"):
        fit(data, Recipe(layers=[BrightnessNormalization(0.5)]), splits=("training",))


def test_black_images_can_not_be_brightened(tmp_path):
    black = tf.io.encode_png(np.zeros((9, 9, 3), np.uint8)).numpy()
    write(tmp_path / "train-0", [example(image=black)])
    write(tmp_path / "eval-0", [example(image=PHOTOS[0])])
    with pytest.raises(RecipeError, match=r"BrightnessNormalization.*all pixels are black"):
        fit(tmp_path, Recipe(layers=[BrightnessNormalization(0.5)]))


def test_nothing_but_bad_records_can_not_be_fitted_on(tmp_path):
    write(tmp_path / "train-0", [BROKEN])
    write(tmp_path / "eval-0", [example(image=PHOTOS[0])])
    with pytest.raises(RecipeError, match="not one good image"):
        fit(tmp_path, Recipe(layers=[ContrastStretching()]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A job whose recipe ends in Keras' Normalization, and with one bad record."""
    folder = tmp_path_factory.mktemp("fitted")
    records = [example(image=image, label=n) for n, image in enumerate(TRAIN)]
    write(folder / "train-0", [*records, BROKEN])
    write(folder / "eval-0", [example(image=image, label=9) for image in EVAL])
    recipe = Recipe(
        layers=[BrightnessNormalization(0.4), keras.layers.Normalization()],
        resize=Resize(height=224, width=224),
        output=Output(encoding="float"),
        passthrough={"label": "int64"},
    )
    config = JobConfig(
        input={"train": f"{folder}/train-*", "eval": f"{folder}/eval-*"},
        output=str(folder / "run"),
        recipe=recipe,
        limits={"max_bad_fraction": 0.1},
    )
    run_job(config)
    return config


def test_the_run_holds_images_normalised_by_what_the_training_split_is(run):
    x = np.stack([e["image"] for e in pixelbake.read_examples(run.output, "train")])
    np.testing.assert_allclose(x.mean((0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(x.std((0, 1, 2)), 1, atol=1e-3)
    held_out = np.stack([e["image"] for e in pixelbake.read_examples(run.output, "eval")])
    assert np.abs(held_out.mean((0, 1, 2))).max() > 0.01


def test_the_manifest_says_what_was_fitted_to_what(run):
    manifest = read_manifest(run.output)
    assert manifest.recipe.unfitted == ()
    assert manifest.recipe_hash == manifest.recipe.hash != run.recipe.hash
    brightness, normalization = manifest.fitted
    assert brightness.config["mean"] == pytest.approx(floats(TRAIN).mean(), rel=1e-9)
    assert normalization.splits == ("train",)
    assert (normalization.images, normalization.skipped) == (20, 1)
    assert manifest.recipe.layers[1].config == normalization.config


def test_the_fitted_values_are_in_the_graph_and_serve(run, tmp_path):
    seen = keras.Input((224, 224, 3))
    model = keras.Model(seen, keras.layers.Identity()(seen))
    pixelbake.export_serving_model(model, f"{run.output}/transform_graph", str(tmp_path / "m"))
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    (served,) = loaded.signatures["serve_image_bytes"](tf.constant(TRAIN)).values()
    read = np.stack([e["image"] for e in pixelbake.read_examples(run.output, "train")])
    np.testing.assert_array_equal(served, read)


def test_nothing_of_the_counting_is_left_in_the_run(run):
    names = {path.name for path in Path(run.output).iterdir()}
    assert names == {
        *("examples", "quarantine", "transform_graph"),
        *("manifest.json", "report.html"),
    }


def test_a_recipe_is_fitted_by_itself_for_whoever_needs_no_run(data):
    unfitted = Recipe(layers=[BrightnessNormalization(0.5)])
    fitted = pixelbake.fit_recipe(unfitted, [f"{data}/train-[01]", f"{data}/train-2"])
    assert fitted.layers[0].config["mean"] == pytest.approx(floats(TRAIN).mean(), rel=1e-12)
    pixelbake.make_preprocessing_fn(fitted)


def test_a_job_names_the_split_that_it_would_be_fitted_on():
    with pytest.raises(ValueError, match=r"to be fitted on 'train', and input has the splits all"):
        JobConfig(input={"all": "x"}, output="y", recipe=Recipe(layers=[ContrastStretching()]))
    JobConfig(
        input={"all": "x"},
        output="y",
        recipe=Recipe(layers=[ContrastStretching()]),
        fit=Fit(splits=["all"]),
    )


def test_a_job_tells_how_far_it_is_with_each_layer_that_it_fits(data, tmp_path):
    heard = []
    config = JobConfig(
        input={split: f"{data}/{split}-*" for split in ("train", "eval")},
        output=f"{tmp_path}/run",
        recipe=Recipe(layers=[BrightnessNormalization(0.5), ContrastStretching()]),
        limits={"max_bad_fraction": 0.5},
    )
    run_job(config, on_progress=heard.append)
    fitting = [one.fitting for one in heard]
    layers = ["BrightnessNormalization", "ContrastStretching", ""]
    assert list(dict.fromkeys(fitting)) == layers
    assert fitting == sorted(fitting, key=layers.index)
    for layer, records, bad in zip(layers, (22, 22, 22 + len(EVAL)), (2, 2, 2), strict=True):
        last = [one for one in heard if one.fitting == layer][-1]
        assert (last.records, last.quarantined, last.fraction) == (records, bad, 1.0)
    assert not (tmp_path / "run" / "progress").exists()


def test_files_that_were_counted_before_are_read_as_far_as_progress_is_concerned(data, tmp_path):
    heard = []
    recipe, cache = Recipe(layers=[BrightnessNormalization(0.5)]), str(tmp_path / "cache")
    fit(data, recipe, cache, train="train-[01]")
    tasks = tasks_in(data)
    notes = str(tmp_path / "notes")
    fit_layers(recipe, tasks, cache, splits=["train"], on_progress=heard.append, progress=notes)
    assert (heard[-1].records, heard[-1].fraction, heard[-1].splits) == (7, 1.0, ())
