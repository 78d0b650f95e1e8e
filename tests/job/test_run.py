import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from pixelbake import read_examples
from pixelbake.job import JobConfig, read_manifest, run_job
from pixelbake.job.manifest import library_versions
from pixelbake.layers import Brightness
from pixelbake.recipe import Output, Recipe, Resize
from tests.job.conftest import LAYERS, RECIPE
from tests.job.inputs import (
    DIGITS,
    PHOTOS,
    example,
    expected_pixels,
    files_in,
    image_of,
    kinds_of,
    pixels_of,
    records_in,
    write,
)


def test_every_record_is_written_in_order_beside_its_own_features(finished):
    for records, output in finished.shards:
        labels = [tf.train.Example.FromString(data).features.feature["label"] for data in records]
        written = [
            tf.train.Example.FromString(data).features.feature["label"]
            for data in records_in(output)
        ]
        assert written == labels


def test_every_image_holds_the_pixels_that_the_layers_make(finished):
    for records, output in finished.shards:
        for data, result in zip(records, records_in(output), strict=True):
            expected = expected_pixels(image_of(data), LAYERS)
            np.testing.assert_array_equal(pixels_of(image_of(result)), expected)


def test_features_are_passed_through_bit_for_bit(finished):
    absent = 0
    for records, output in finished.shards:
        for data, result in zip(records, records_in(output), strict=True):
            before, after = kinds_of(data), kinds_of(result)
            assert before.pop("unnamed")
            absent += len(after) - len(before)
            assert after == {**dict.fromkeys(RECIPE.passthrough, b""), **before}
    assert absent >= 3 * 100 // 12


def test_the_run_holds_its_shards_its_graph_its_manifest_and_nothing_else(finished):
    files = files_in(finished.folder)
    shards = {str(output.relative_to(finished.folder)) for _, output in finished.shards}
    assert len(shards) == 6
    graph = {name for name in files if name.startswith("transform_graph/")}
    assert "transform_graph/transform_fn/saved_model.pb" in graph
    assert set(files) == shards | graph | {"manifest.json", "report.html"}


def test_nothing_else_is_left_beside_the_run(finished):
    assert [path.name for path in finished.folder.parent.iterdir()] == ["first"]


def test_the_manifest_is_written_last_but_for_the_report_on_it(finished):
    times = {path: path.stat().st_mtime_ns for path in finished.folder.rglob("*") if path.is_file()}
    manifest = times.pop(finished.folder / "manifest.json")
    assert times.pop(finished.folder / "report.html") >= manifest
    assert manifest >= max(times.values())


def test_the_manifest_on_disk_is_the_one_that_is_returned(finished):
    assert read_manifest(str(finished.folder)) == finished.manifest


def test_the_manifest_says_what_was_read_done_and_written(finished):
    manifest = json.loads((finished.folder / "manifest.json").read_text())
    assert manifest["recipe_hash"] == RECIPE.hash
    assert Recipe.model_validate(manifest["recipe"]) == RECIPE
    assert manifest["versions"] == library_versions()
    assert manifest["inputs"] == {
        split: {str(path): path.stat().st_size for path in shards}
        for split, shards in finished.inputs.items()
    }
    assert manifest["splits"] == {
        "train": {"read": 20, "written": 20, "quarantined": 0, "reasons": {}},
        "eval": {"read": 81, "written": 81, "quarantined": 0, "reasons": {}},
    }


def test_the_manifests_books_are_those_of_the_files(finished):
    for shard, (records, output) in zip(finished.manifest.shards, finished.shards, strict=True):
        assert shard.read == shard.written == len(records) == len(records_in(output))
        assert shard.bytes_written == output.stat().st_size
        assert shard.quarantined == 0
        assert (shard.reasons, shard.file_faults) == ({}, ())


def test_the_shards_are_numbered_within_their_split(finished):
    assert [(s.split, s.index, s.output) for s in finished.manifest.shards] == [
        *(("train", n, f"transformed_examples-{n:05d}-of-00004.tfrecord") for n in range(4)),
        *(("eval", n, f"transformed_examples-{n:05d}-of-00002.tfrecord") for n in range(2)),
    ]


def test_the_run_is_read_back_as_ready_images(finished):
    read = list(read_examples(str(finished.folder), "train"))
    assert [int(one["label"]) for one in read] == list(range(20))
    for one, image in zip(read, PHOTOS, strict=False):
        np.testing.assert_array_equal(one["image"], expected_pixels(image, LAYERS))


def test_tensorflow_transform_opens_the_graph(finished):
    opened = tft.TFTransformOutput(str(finished.folder / "transform_graph"))
    assert opened.transformed_feature_spec()["label"] == tf.io.FixedLenFeature([], tf.int64)
    spec = opened.raw_feature_spec()
    assert spec["box"] == tf.io.FixedLenFeature([2, 2], tf.float32)
    (records, output), *_ = finished.shards
    raw = tf.io.parse_example(tf.constant(records), spec)
    transformed = opened.transform_raw_features(raw)
    stored = [image_of(result) for result in records_in(output)]
    assert transformed["image"].numpy().tolist() == stored


def job(folder, recipe, records, output="run"):
    path = write(folder / "in.tfrecord", records)
    return JobConfig(input={"all": str(path)}, output=str(folder / output), recipe=recipe)


STORED = {
    "png": lambda feature: feature.bytes_list.value[0].startswith(b"\x89PNG"),
    "jpeg": lambda feature: feature.bytes_list.value[0].startswith(b"\xff\xd8\xff"),
    "raw": lambda feature: len(feature.bytes_list.value[0]) > 24 * 32 * 3,
    "float": lambda feature: len(feature.float_list.value) == 24 * 32 * 3,
}


@pytest.mark.parametrize("encoding", STORED)
def test_every_encoding_is_stored_as_what_it_says_and_read_back(tmp_path, encoding):
    recipe = Recipe(
        layers=[Brightness(1.2)],
        resize=Resize(height=24, width=32, method="nearest"),
        output=Output(encoding=encoding),
    )
    images = [*PHOTOS[::7], DIGITS[0]]
    config = job(tmp_path, recipe, [example(image=image) for image in images])
    manifest = run_job(config)
    assert manifest.splits["all"].written == len(images)
    for data in records_in(manifest.paths(config.output, "all")[0]):
        features = tf.train.Example.FromString(data).features.feature
        assert set(features) == {"image"}
        assert STORED[encoding](features["image"])
    read = [one["image"] for one in read_examples(config.output, "all").as_numpy_iterator()]
    for image, pixels in zip(images, read, strict=True):
        small = tf.image.resize(pixels_of(image), (24, 32), "nearest").numpy().astype(np.float32)
        expected = np.minimum(small * np.float32(1.2), 255)
        if encoding == "float":
            assert pixels.dtype == np.float32
            np.testing.assert_allclose(pixels * 255, expected, atol=1e-3)
        else:
            assert pixels.dtype == np.uint8
            error = np.abs(pixels - expected)
            assert error.mean() < 8 if encoding == "jpeg" else error.max() <= 0.51


def test_a_rerun_replaces_the_whole_run(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "run")
    manifest = run_job(job(tmp_path, Recipe(), [example(image=image) for image in PHOTOS[:2]]))
    files = files_in(tmp_path / "run")
    assert [name for name in files if name.startswith("examples/")] == [
        "examples/Split-all/transformed_examples-00000-of-00001.tfrecord"
    ]
    assert read_manifest(str(tmp_path / "run")) == manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tfrecord", "run"]


def test_the_same_job_writes_the_same_records_again(finished, tmp_path):
    config = finished.config.model_copy(update={"output": str(tmp_path / "run")})
    run_job(config)
    before = files_in(finished.folder / "examples")
    assert files_in(tmp_path / "run" / "examples") == before
