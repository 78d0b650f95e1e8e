"""Which records are compared, and that each is compared with its own output."""

import numpy as np
import pytest
import tensorflow as tf

from pixelbake.errors import InputError, RunError
from pixelbake.recipe import Recipe, Resize
from pixelbake.verify.sample import Materialised, _quotas, sample_records
from tests.raw_examples import example, write_examples
from tests.verify.exports import BAD, PHOTOS, SHARDS, make_run

RECIPE = Recipe(resize=Resize(height=8, width=9), passthrough={"label": "int64"})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("sample"), RECIPE)


def labels(records, which):
    examples = [tf.train.Example.FromString(getattr(one, which)) for one in records]
    return [one.features.feature["label"].int64_list.value[0] for one in examples]


def test_all_records_but_the_quarantined_one_are_paired_with_their_own_output(run):
    records = sample_records(Materialised.of_run(run.folder), 1000)
    expected = [n for numbers in SHARDS.values() for n in numbers if n != BAD]
    assert labels(records, "raw") == labels(records, "stored") == expected


def test_where_a_record_is_found_is_where_it_stands_in_its_file(run):
    for record in sample_records(Materialised.of_run(run.folder), 1000):
        with open(record.file, "rb") as file:
            file.seek(record.offset)
            length = np.frombuffer(file.read(8), "<u8")[0]
            file.seek(4, 1)
            assert file.read(int(length)) == record.raw


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_a_sample_is_the_same_each_time_and_as_large_as_asked(run, size):
    one, other = (sample_records(Materialised.of_run(run.folder), size) for _ in range(2))
    assert one == other
    assert len({(record.file, record.index) for record in one}) == size


def test_every_shard_gives_a_record_if_the_sample_allows(run):
    files = {record.file[-1] for record in sample_records(Materialised.of_run(run.folder), 3)}
    assert files == set(SHARDS)


@pytest.mark.parametrize("size", [1, 3, 7, 50, 99, 1000])
@pytest.mark.parametrize("written", [[5], [0, 5, 0], [1, 1, 1], [90, 1, 0, 8], [10] * 40])
def test_quotas_add_up_and_no_shard_gives_more_than_it_has(written, size):
    quotas = _quotas(written, size)
    assert sum(quotas) == min(size, sum(written))
    assert all(0 <= quota <= count for quota, count in zip(quotas, written, strict=True))
    if size >= len(written):
        assert all(bool(quota) == bool(count) for quota, count in zip(quotas, written, strict=True))


def test_without_the_quarantine_a_shard_that_has_one_is_refused(run):
    whole = Materialised.of_run(run.folder)
    bare = Materialised(whole.manifest, whole.examples, whole.transform_graph, None)
    with pytest.raises(InputError, match=r"1 records of .*photos-a were quarantined"):
        sample_records(bare, 20)


def test_records_that_were_changed_after_the_run_are_noticed(tmp_path):
    run = make_run(tmp_path, RECIPE)
    shard = tmp_path / "in" / "photos-c"
    rows = [example(image=[PHOTOS[n]], label=[n]) for n in reversed(SHARDS["c"])]
    write_examples(shard, rows)
    with pytest.raises(RunError, match=r"record 0 of .*photos-c .* differ in 'label'"):
        sample_records(Materialised.of_run(run.folder), 20)
    write_examples(shard, rows[:2])
    with pytest.raises((InputError, RunError), match=r"photos-c"):
        sample_records(Materialised.of_run(run.folder), 20)
    shard.unlink()
    with pytest.raises(InputError, match=r"photos-c, which the run read, can't be read"):
        sample_records(Materialised.of_run(run.folder), 20)
