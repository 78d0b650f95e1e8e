"""Golden Examples: what an export must make of images that it brings itself."""

import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

from pixelbake import export_serving_model
from pixelbake.errors import InputError
from pixelbake.recipe import Decode, Output, Recipe, Resize
from pixelbake.transform_graph import write_transform_graph
from pixelbake.verify import verify_golden
from tests.raw_examples import example
from tests.verify.exports import PHOTOS, RECIPE, network


def export(folder, recipe, **more):
    write_transform_graph(recipe, str(folder / "graph"))
    export_serving_model(network(recipe), str(folder / "graph"), str(folder / "model"), **more)
    return str(folder / "model")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return export(tmp_path_factory.mktemp("golden"), RECIPE)


def golden_records(model):
    path = f"{model}/assets.extra/pixelbake/golden.tfrecord"
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    return [tf.train.Example.FromString(record) for record in records]


def test_an_export_brings_images_and_makes_the_same_of_them_in_another_process(model):
    found = verify_golden(model)
    assert found.consistent, str(found)
    assert (found.examples, found.damaged) == (3, 0)
    assert (found.pixels.differing, found.pixels.values) == (0, 3 * 40 * 48 * 3)


@pytest.fixture(scope="module")
def exact_model(tmp_path_factory):
    return export(tmp_path_factory.mktemp("exact"), RECIPE.model_copy(update={"numerics": "exact"}))


@pytest.mark.parametrize(
    "variables",
    [{}, pytest.param({"TF_ENABLE_ONEDNN_OPTS": "0"}, marks=pytest.mark.slow)],
    ids=["as it is", "without oneDNN"],
)
def test_an_exact_export_makes_its_golden_pixels(exact_model, variables, monkeypatch):
    for name, value in variables.items():  # for the process that is asked
        monkeypatch.setenv(name, value)
    found = verify_golden(exact_model)
    assert found.consistent, str(found)
    assert (found.examples, found.damaged) == (3, 0)
    assert (found.pixels.differing, found.pixels.values) == (0, 3 * 40 * 48 * 3)


def test_an_exact_export_that_makes_other_pixels_is_found(exact_model, tmp_path):
    altered = export(tmp_path, RECIPE.model_copy(update={"numerics": "float64"}))
    golden = "assets.extra/pixelbake/golden.tfrecord"
    shutil.copy(f"{exact_model}/{golden}", f"{altered}/{golden}")
    found = verify_golden(altered)
    assert not found.consistent
    assert found.damaged == 0
    assert found.pixels.largest == 1
    assert 0 < found.pixels.differing < 0.05 * found.pixels.values


def test_pixels_that_were_other_where_the_export_was_made_are_found(model, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    records = golden_records(copy)
    pixels = tf.io.parse_tensor(records[1].features.feature["pixels"].bytes_list.value[0], tf.uint8)
    other = tf.io.serialize_tensor(pixels ^ 1).numpy()
    records[1].features.feature["pixels"].bytes_list.value[0] = other
    with tf.io.TFRecordWriter(f"{copy}/assets.extra/pixelbake/golden.tfrecord") as writer:
        for record in records:
            writer.write(record.SerializeToString())
    found = verify_golden(str(copy))
    assert not found.consistent
    assert found.damaged == 1
    assert found.pixels.differing == 40 * 48 * 3


@pytest.mark.parametrize(
    ("recipe", "count"),
    [
        (Recipe(decode=Decode(channels=1), output=Output(encoding="raw")), 3),
        (Recipe(decode=Decode(channels=4), resize=Resize(height=9, width=9)), 1),
    ],
    ids=["gray", "alpha"],
)
def test_images_that_do_not_suit_the_recipe_are_left_out(recipe, count, tmp_path):
    write_transform_graph(recipe, str(tmp_path / "graph"))
    from pixelbake.serving.golden import write_golden
    from pixelbake.serving.image_way import ImageWay

    folder = tmp_path / "model" / "assets.extra" / "pixelbake"
    folder.mkdir(parents=True)
    write_golden(ImageWay(str(tmp_path / "graph"), recipe), recipe, (), str(folder))
    assert len(golden_records(tmp_path / "model")) == count


def test_examples_of_one_s_own_may_be_golden(tmp_path):
    recipe = Recipe(resize=Resize(height=24, width=32))
    own = [example(image=[PHOTOS[0]]), example(image=[PHOTOS[1]])]
    model = export(tmp_path, recipe, golden=own)
    golden = [r.features.feature["example"].bytes_list.value[0] for r in golden_records(model)]
    assert golden == own


def test_a_golden_example_without_a_good_image_is_refused(tmp_path):
    recipe = Recipe(resize=Resize(height=24, width=32))
    for i, bad in enumerate([example(other=[1]), example(image=[b"GIF89a"])]):
        with pytest.raises(ValueError, match=r"golden\[1\] can't be transformed"):
            export(tmp_path / str(i), recipe, golden=[example(image=[PHOTOS[0]]), bad])


def test_a_folder_without_golden_examples_is_the_user_s_mistake(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(InputError, match="has no golden Examples"):
        verify_golden(str(tmp_path))


def test_the_process_that_asks_can_not_import_pixelbake(tmp_path):
    from pixelbake.verify.export_process import _SCRIPT

    text = _SCRIPT.read_text() + "\nimport pixelbake\n"
    copy = tmp_path / "ask.py"
    copy.write_text(text.replace('if __name__ == "__main__":', "if False:"))
    done = subprocess.run(
        [sys.executable, "-I", str(copy)], capture_output=True, text=True, check=False
    )
    assert "No module named 'pixelbake'" in done.stderr
