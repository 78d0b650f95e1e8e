import json
import platform

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from pixelbake.errors import RunError
from pixelbake.job.manifest import Manifest, SplitCounts, library_versions, read_manifest
from pixelbake.job.shards import ShardResult
from pixelbake.layers import Brightness, ConditionalPixelTransform
from pixelbake.recipe import Recipe
from tests.trained_mask_layer import trained_mask_layer


def shard(split, index, read=5, quarantined=0, reasons=None):
    return ShardResult(
        split=split,
        index=index,
        input=f"/in/{split}-{index}",
        output=f"transformed_examples-{index:05d}-of-00002.tfrecord",
        read=read,
        written=read - quarantined,
        quarantined=quarantined,
        reasons=reasons or {},
    )


def manifest(**changes):
    recipe = Recipe(layers=[Brightness(1.2)])
    shards = (shard("train", 0), shard("eval", 0), shard("train", 1))
    values = {
        "recipe": recipe,
        "recipe_hash": recipe.hash,
        "versions": {"pixelbake": "0.1.0"},
        "inputs": {"train": {"/in/train-0": 5, "/in/train-1": 6}, "eval": {"/in/eval-0": 7}},
        "splits": {s: SplitCounts.of(r for r in shards if r.split == s) for s in ("train", "eval")},
        "shards": shards,
    }
    return Manifest(**{**values, **changes})


def write(folder, text):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "manifest.json").write_bytes(data)
    return str(folder)


def test_the_books_of_a_split_are_those_of_its_shards_added_up():
    shards = [
        shard("train", 0, 5, 2, {"record_crc": 1, "decode_failed": 1}),
        shard("train", 1, 7, 1, {"decode_failed": 1, "file_truncated": 1}),
        shard("train", 2, 0),
    ]
    counts = SplitCounts.of(shards)
    assert counts == SplitCounts(
        read=12,
        written=9,
        quarantined=3,
        reasons={"decode_failed": 2, "file_truncated": 1, "record_crc": 1},
    )
    assert list(counts.reasons) == ["decode_failed", "file_truncated", "record_crc"]


def test_the_books_of_nothing_are_empty():
    assert SplitCounts.of([]) == SplitCounts(read=0, written=0, quarantined=0)


def test_a_manifest_is_read_back_as_it_was_written(tmp_path):
    layer = ConditionalPixelTransform(5)
    layer.build([(None, None, None, 3), (None, None, None, 1)])
    layer.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in layer.weights])
    recipe = Recipe(
        layers=[keras.layers.Rescaling(0.5), layer],
        mask="mask",
        passthrough={"label": "int64", "box": {"dtype": "float32", "shape": (4,)}},
    )
    written = manifest(recipe=recipe, recipe_hash=recipe.hash)
    read = read_manifest(write(tmp_path, written.model_dump_json(indent=1)))
    assert read == written
    assert read.recipe.hash == read.recipe_hash


def test_a_manifest_names_the_hash_of_each_layer_s_trained_weights(tmp_path):
    recipe = Recipe(layers=[Brightness(1.2), trained_mask_layer()], mask="mask")
    written = manifest(recipe=recipe, recipe_hash=recipe.hash)
    assert written.weights_hashes == {"layers[1]": recipe.layers[1].weights_hash}
    text = json.loads(written.model_dump_json())
    assert read_manifest(write(tmp_path, json.dumps(text))) == written
    text["weights_hashes"]["layers[1]"] = "0" * 64
    with pytest.raises(RunError, match="weights_hashes must be those of the recipe's weights"):
        read_manifest(write(tmp_path, json.dumps(text)))


def test_a_slash_at_the_end_names_the_same_run(tmp_path):
    assert read_manifest(write(tmp_path, manifest().model_dump_json()) + "/") == manifest()


def test_the_paths_of_a_split_are_its_own_shards_in_order():
    folder = "/runs/a/examples/Split-train"
    paths = [f"{folder}/transformed_examples-{n:05d}-of-00002.tfrecord" for n in range(2)]
    assert manifest().paths("/runs/a", "train") == paths
    assert manifest().paths("/runs/a/", "train") == paths
    assert len(manifest().paths("/runs/a", "eval")) == 1


def test_an_unknown_split_is_refused_with_the_splits_there_are():
    with pytest.raises(RunError, match=r"/runs/a has splits \['eval', 'train'\].*split='test'"):
        manifest().paths("/runs/a", "test")


def test_the_versions_are_those_of_everything_that_can_change_a_pixel():
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert (versions["tensorflow"], versions["keras"]) == (tf.__version__, keras.__version__)
    assert versions["numpy"] == np.__version__
    assert {"pixelbake", "apache-beam", "tensorflow-transform"} <= versions.keys()


def test_a_folder_without_a_manifest_is_no_finished_run(tmp_path):
    with pytest.raises(RunError, match=f"{tmp_path} is no finished run"):
        read_manifest(str(tmp_path))


def change(**changes):
    return json.dumps({**json.loads(manifest().model_dump_json()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        manifest().model_dump_json()[:-20],
        change(format="another"),
        change(format_version=2),
        change(format_version="1"),
        change(a_key_of_tomorrow=1),
        change(splits={"train": {"read": -1, "written": 0, "quarantined": 0}}),
        change(recipe={"layers": [{"layer": "Lambda"}]}),
        b"\xff\xfe\x00 no UTF-8",
    ],
    ids=range(12),
)
def test_a_damaged_manifest_is_refused_with_its_path(tmp_path, text):
    with pytest.raises(RunError, match=r"manifest\.json is damaged"):
        read_manifest(write(tmp_path, text))


def test_a_manifest_can_not_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        manifest().recipe_hash = "0" * 64
