"""Transformed Examples back as ready images."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import pixelbake
from pixelbake import read_examples
from pixelbake.errors import RunError
from pixelbake.layers import Brightness
from pixelbake.recipe import Feature, Output, Recipe, Resize
from tests.raw_examples import example, masks_of, photos, write_examples
from tests.stored_images import decode_stored_images
from tests.trained_mask_layer import trained_mask_layer

ENCODINGS = ["png", "raw", "jpeg", "float"]
IMAGES = photos(6, [(224, 224), (91, 120), (200, 77)])
MASKS = masks_of(IMAGES)
TAGS = [[10 * i + k for k in range(i % 3)] for i in range(6)]
BOXES = [[i / 7, 0.1, -3.0, 2.5] for i in range(6)]


def recipe_for(encoding, size=(33, 44)):
    return Recipe(
        mask="mask",
        resize=size and Resize(height=size[0], width=size[1]),
        layers=[Brightness(1.5), trained_mask_layer()],
        output=Output(encoding=encoding),
        passthrough={
            "id": "int64",
            "box": Feature(dtype="float32", shape=(2, 2)),
            "tags": Feature(dtype="int64", shape=None),
        },
    )


def run_of(recipe, folder):
    """Runs a job over two shards of the split `photos` and one of the split `few`."""
    examples = [
        example(image=[IMAGES[i]], mask=[MASKS[i]], id=[i], box=BOXES[i], tags=TAGS[i])
        for i in range(6)
    ]
    write_examples(folder / "photos-0.tfrecord", examples[:4])
    write_examples(folder / "photos-1.tfrecord", examples[4:])
    write_examples(folder / "few.tfrecord", examples[:1])
    inputs = {"photos": str(folder / "photos-*"), "few": str(folder / "few.tfrecord")}
    config = pixelbake.JobConfig(input=inputs, output=str(folder / "run"), recipe=recipe)
    pixelbake.run_job(config)
    return config.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of finished runs, by encoding."""
    folder = tmp_path_factory.mktemp("runs")
    return {encoding: run_of(recipe_for(encoding), folder / encoding) for encoding in ENCODINGS}


@pytest.fixture(scope="module")
def run_of_many_sizes(tmp_path_factory):
    return run_of(recipe_for("png", None), tmp_path_factory.mktemp("sizes"))


def expected_images(recipe):
    """What the preprocessing_fn gives in this process."""
    features = {
        "image": tf.constant(IMAGES),
        "mask": tf.constant(MASKS),
        "id": tf.zeros(6, tf.int64),
        "box": tf.zeros((6, 2, 2)),
        "tags": tf.sparse.from_dense(tf.ones((6, 1), tf.int64)),
    }
    function = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    stored = function(features)["image"]
    return [decode_stored_images(stored[i : i + 1], recipe).numpy()[0] for i in range(6)]


def assert_is_whole(examples, recipe):
    rows = list(examples)
    for i, (row, image) in enumerate(zip(rows, expected_images(recipe), strict=True)):
        assert sorted(row) == ["box", "id", "image", "tags"]
        assert int(row["id"]) == i
        np.testing.assert_array_equal(row["image"], image)
        np.testing.assert_array_equal(row["box"], np.float32(BOXES[i]).reshape(2, 2))
        assert row["tags"].values.numpy().tolist() == TAGS[i]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_comes_back_whole_in_the_order_of_its_files(runs, encoding):
    examples = read_examples(runs[encoding], "photos")
    dtype = tf.float32 if encoding == "float" else tf.uint8
    assert examples.element_spec == {
        "image": tf.TensorSpec((33, 44, 3), dtype),
        "id": tf.TensorSpec((), tf.int64),
        "box": tf.TensorSpec((2, 2), tf.float32),
        "tags": tf.SparseTensorSpec((None,), tf.int64),
    }
    assert_is_whole(examples, recipe_for(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_beside_a_transform_graph_come_back_whole(runs, encoding):
    pattern = f"{runs[encoding]}/examples/Split-photos/*"
    examples = read_examples(pattern, transform_graph=f"{runs[encoding]}/transform_graph")
    assert_is_whole(examples, recipe_for(encoding))


def test_images_keep_their_own_sizes_where_the_recipe_does_not_resize(run_of_many_sizes):
    examples = read_examples(run_of_many_sizes, "photos")
    assert examples.element_spec["image"].shape.as_list() == [None, None, 3]
    assert_is_whole(examples, recipe_for("png", None))


def test_images_of_several_sizes_do_not_pass_for_a_batch(run_of_many_sizes):
    examples = read_examples(run_of_many_sizes, "photos").map(lambda row: row["image"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Cannot add tensor to the batch"):
        list(examples.batch(6))
    (padded,) = examples.padded_batch(6, (224, 224, 3))
    assert padded.shape == (6, 224, 224, 3)


def test_several_patterns_are_read_in_the_order_of_their_files(runs):
    folder = f"{runs['png']}/examples"
    graph = f"{runs['png']}/transform_graph"
    patterns = [f"{folder}/Split-photos/*-00001-of-*", f"{folder}/Split-photos/*-00000-of-*"]
    assert_is_whole(read_examples(patterns, transform_graph=graph), recipe_for("png"))
    patterns.append(f"{folder}/Split-few/*")
    ids = [int(row["id"]) for row in read_examples(patterns, transform_graph=graph)]
    assert sorted(ids) == [0, 0, 1, 2, 3, 4, 5]


def test_gzip_files_are_read_as_tfx_names_them(runs, tmp_path):
    for path in Path(runs["png"], "examples", "Split-photos").iterdir():
        packed = tmp_path / path.with_suffix(".gz").name
        packed.write_bytes(gzip.compress(path.read_bytes()))
    graph = f"{runs['png']}/transform_graph"
    assert_is_whole(read_examples(f"{tmp_path}/*", transform_graph=graph), recipe_for("png"))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_dataset_is_batched_shuffled_and_repeated_as_any_other(runs, encoding):
    examples = read_examples(runs[encoding], "photos")
    batches = list(examples.batch(4))
    assert [len(batch["image"]) for batch in batches] == [4, 2]
    images = np.concatenate([batch["image"] for batch in batches])
    np.testing.assert_array_equal(images, np.stack(expected_images(recipe_for(encoding))))
    assert batches[1]["tags"].dense_shape.numpy().tolist() == [2, 2]
    again = examples.shuffle(6, seed=0).repeat(2).batch(12)
    assert sorted(next(iter(again))["id"].numpy()) == sorted(2 * list(range(6)))


def test_a_run_s_dataset_knows_its_cardinality(runs):
    assert read_examples(runs["png"], "photos").cardinality() == 6
    assert read_examples(runs["png"], "few").cardinality() == 1
    files = read_examples(
        f"{runs['png']}/examples/*/*", transform_graph=f"{runs['png']}/transform_graph"
    )
    assert files.cardinality() == tf.data.UNKNOWN_CARDINALITY


@pytest.fixture
def copy_of_a_run(runs, tmp_path):
    return Path(shutil.copytree(runs["png"], tmp_path / "copy"))


def test_a_shard_that_lost_records_is_an_error(copy_of_a_run):
    last = sorted((copy_of_a_run / "examples" / "Split-photos").iterdir())[-1]
    records = list(tf.data.TFRecordDataset(str(last)).as_numpy_iterator())
    write_examples(last, records[:-1])
    with pytest.raises(tf.errors.FailedPreconditionError, match="6 elements but contained only 5"):
        list(read_examples(str(copy_of_a_run), "photos"))


def test_a_shard_cut_within_a_record_is_an_error(copy_of_a_run):
    last = sorted((copy_of_a_run / "examples" / "Split-photos").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-50])
    with pytest.raises(tf.errors.DataLossError):
        list(read_examples(str(copy_of_a_run), "photos"))


def test_an_unfinished_run_is_refused(copy_of_a_run):
    (copy_of_a_run / "manifest.json").unlink()
    with pytest.raises(RunError, match=r"manifest\.json does not exist.*no finished run"):
        read_examples(str(copy_of_a_run), "photos")


def test_an_unknown_split_is_refused_with_those_that_are_there(runs):
    with pytest.raises(RunError, match=r"splits \['few', 'photos'\]. Received: split='train'"):
        read_examples(runs["png"], "train")


def test_patterns_that_match_nothing_are_refused(runs):
    with pytest.raises(RunError, match="no file matches '/nowhere/x"):
        read_examples("/nowhere/x*", transform_graph=f"{runs['png']}/transform_graph")


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("run", {}, r"run's folder and a split, or file patterns.*Received: source='run'"),
        (["a", "b"], {"split": "photos"}, r"Received: source=\['a', 'b'\], split='photos'"),
        ("x*", {"split": "a", "transform_graph": "g"}, "split goes with a run's folder"),
    ],
)
def test_half_a_source_is_refused(source, arguments, message):
    with pytest.raises(ValueError, match=message):
        read_examples(source, **arguments)


def test_files_of_a_graph_without_a_recipe_need_one(copy_of_a_run):
    graph = copy_of_a_run / "transform_graph"
    (graph / "recipe.json").unlink()
    pattern = str(copy_of_a_run / "examples" / "Split-photos" / "*")
    with pytest.raises(RunError, match="pass recipe="):
        read_examples(pattern, transform_graph=str(graph))
    given = read_examples(pattern, transform_graph=str(graph), recipe=recipe_for("png"))
    assert_is_whole(given, recipe_for("png"))
