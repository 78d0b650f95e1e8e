import dataclasses

import pytest
import tensorflow as tf

from pixelbake.errors import RunError
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.job.quarantine import quarantine_example, quarantined_records, read_quarantine
from pixelbake.job.shards import ShardResult
from tests.job.inputs import PHOTOS, example, write

ITEM = Quarantined(
    data=example(image=PHOTOS[0][:900], label=3),
    file="gs://bucket/été/train-00001-of-00004",
    index=7,
    offset=2**40 + 1,
    reason=Reason.DECODE_FAILED,
    message="the image ends early",
)


def keep(run, *shards, split="train"):
    """Writes quarantine shards as the job does."""
    for n, items in enumerate(shards):
        name = f"transformed_examples-{n:05d}-of-{len(shards):05d}.tfrecord"
        write(run / "quarantine" / f"Split-{split}" / name, map(quarantine_example, items))
    return str(run)


def numbered(*indices):
    return [dataclasses.replace(ITEM, index=index) for index in indices]


def test_what_is_kept_can_be_read_by_plain_tensorflow():
    spec = {
        **dict.fromkeys(
            ("record", "file", "reason", "message"), tf.io.FixedLenFeature((), "string")
        ),
        **dict.fromkeys(("index", "offset"), tf.io.FixedLenFeature((), tf.int64)),
    }
    kept = tf.io.parse_single_example(quarantine_example(ITEM), spec)
    assert {name: value.numpy() for name, value in kept.items()} == {
        "record": ITEM.data,
        "file": ITEM.file.encode(),
        "reason": b"decode_failed",
        "message": b"the image ends early",
        "index": 7,
        "offset": 2**40 + 1,
    }
    features = tf.train.Example.FromString(quarantine_example(ITEM)).features.feature
    assert set(features) == set(spec)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_read_back(tmp_path, reason):
    item = dataclasses.replace(ITEM, reason=reason)
    assert list(read_quarantine(keep(tmp_path, [item]), "train")) == [item]


@pytest.mark.parametrize("data", [b"", b"\0", bytes(range(256)), b"\x0a" * 70_000])
def test_the_original_bytes_are_read_back_whatever_they_are(tmp_path, data):
    item = dataclasses.replace(ITEM, data=data)
    (read,) = read_quarantine(keep(tmp_path, [item]), "train")
    assert read == item


def test_a_file_name_that_is_no_utf_8_is_read_back(tmp_path):
    item = dataclasses.replace(ITEM, file=b"/in/caf\xe9-0".decode("utf-8", "surrogateescape"))
    (read,) = read_quarantine(keep(tmp_path, [item]), "train")
    assert read.file.encode("utf-8", "surrogateescape") == b"/in/caf\xe9-0"


def test_the_shards_are_read_in_order(tmp_path):
    run = keep(tmp_path, *(numbered(10 * n, 10 * n + 1) for n in range(11)))
    indices = [item.index for item in read_quarantine(run, "train")]
    assert indices == [10 * n + m for n in range(11) for m in (0, 1)]


def test_a_split_is_read_without_the_others(tmp_path):
    keep(tmp_path, numbered(1), split="train")
    run = keep(tmp_path, numbered(2, 3), split="train_2")
    assert [item.index for item in read_quarantine(run, "train")] == [1]
    assert [item.index for item in read_quarantine(run, "train_2")] == [2, 3]


def test_a_slash_at_the_end_names_the_same_run(tmp_path):
    run = keep(tmp_path, [ITEM])
    assert list(read_quarantine(run + "/", "train")) == [ITEM]


def test_a_run_without_quarantine_gives_nothing(tmp_path):
    assert list(read_quarantine(str(tmp_path), "train")) == []


def test_the_same_item_makes_the_same_bytes():
    assert quarantine_example(ITEM) == quarantine_example(dataclasses.replace(ITEM))


def books(name, output, quarantined):
    return ShardResult(
        split="train",
        index=0,
        input=name,
        output=output,
        read=9,
        written=9 - quarantined,
        quarantined=quarantined,
    )


def test_which_records_of_one_file_were_quarantined_is_read_from_its_own_shard(tmp_path):
    fault = dataclasses.replace(ITEM, index=8, reason=Reason.FILE_TRUNCATED)
    run = keep(tmp_path, numbered(2), [*numbered(5, 3), fault])
    shard = books(ITEM.file, "transformed_examples-00001-of-00002.gz", 2)
    assert quarantined_records(run, shard) == {3, 5}
    assert quarantined_records(run, books(ITEM.file, "x.gz", 0)) == set()


def test_a_quarantine_that_has_not_what_the_books_say_is_not_gone_by(tmp_path):
    run = keep(tmp_path, numbered(2))
    with pytest.raises(RunError, match=r"holds 1 quarantined records .* by its books there are 2"):
        quarantined_records(run, books(ITEM.file, "transformed_examples-00000-of-00001", 2))
