import os
import pickle

import pytest
from pydantic import ValidationError

from pixelbake.errors import InputError
from pixelbake.job.shards import ShardResult, ShardTask, plan_shards
from tests.job.inputs import PHOTOS, example, write

RESULT = ShardResult(
    split="train",
    index=1,
    input="/in/train-1",
    output="transformed_examples-00001-of-00002.tfrecord",
    read=7,
    written=4,
    quarantined=3,
    reasons={"decode_failed": 2, "file_truncated": 1, "record_crc": 1},
    file_faults=("file_truncated",),
    bytes_written=9_876,
)


@pytest.fixture
def folder(tmp_path):
    """Five files of different sizes, made out of order."""
    for n in (3, 1, 4, 0, 2):
        write(tmp_path / f"part-{n}", [example(image=PHOTOS[n])])
    return tmp_path


def paths_of(tasks):
    return [task.path for task in tasks]


def test_a_file_is_a_task_with_its_number_and_its_size(folder):
    tasks = plan_shards({"train": [f"{folder}/part-[0-2]"], "eval": [f"{folder}/part-3"]})
    sizes = [(folder / f"part-{n}").stat().st_size for n in range(4)]
    assert len(set(sizes)) == 4
    assert tasks == [
        ShardTask("train", 0, 3, f"{folder}/part-0", sizes[0]),
        ShardTask("train", 1, 3, f"{folder}/part-1", sizes[1]),
        ShardTask("train", 2, 3, f"{folder}/part-2", sizes[2]),
        ShardTask("eval", 0, 1, f"{folder}/part-3", sizes[3]),
    ]


def test_the_files_of_a_split_are_in_the_order_of_their_names(folder):
    patterns = [f"{folder}/part-4", f"{folder}/part-[13]", f"{folder}/part-0"]
    tasks = plan_shards({"train": patterns})
    assert paths_of(tasks) == [f"{folder}/part-{n}" for n in (0, 1, 3, 4)]


def test_a_file_that_two_patterns_of_a_split_match_is_read_once(folder):
    tasks = plan_shards({"train": [f"{folder}/part-*", f"{folder}/part-2"]})
    assert paths_of(tasks) == [f"{folder}/part-{n}" for n in range(5)]
    assert {task.of for task in tasks} == {5}


def test_a_pattern_that_matches_nothing_is_refused_with_its_split_and_itself(folder):
    inputs = {"train": [f"{folder}/part-*"], "eval": [f"{folder}/part-0", f"{folder}/dev-*"]}
    with pytest.raises(InputError, match=rf"split 'eval': no file matches '{folder}/dev-\*'"):
        plan_shards(inputs)


@pytest.mark.parametrize("pattern", ["none/part-0", "none/part-*", "none"])
def test_a_path_that_does_not_exist_is_refused(folder, pattern):
    with pytest.raises(InputError, match=r"no file matches"):
        plan_shards({"train": [f"{folder}/{pattern}"]})


def test_a_file_in_two_splits_is_refused_with_both(folder):
    inputs = {"train": [f"{folder}/part-*"], "eval": [f"{folder}/part-3"]}
    with pytest.raises(InputError, match=r"part-3 is in split 'train' and in split 'eval'"):
        plan_shards(inputs)


def test_a_file_in_two_splits_is_refused_however_its_path_is_written(folder):
    (folder / "jobs").mkdir()
    inputs = {"train": [f"{folder}/part-*"], "eval": [f"{folder}/jobs/../part-3"]}
    with pytest.raises(InputError, match=r"split 'train' and in split 'eval'"):
        plan_shards(inputs)


def test_a_folder_is_refused_before_the_job_starts(folder):
    (folder / "shards").mkdir()
    with pytest.raises(InputError, match="shards"):
        plan_shards({"train": [f"{folder}/shards"]})


def test_a_file_without_bytes_is_refused_before_the_job_starts(folder):
    (folder / "part-5").write_bytes(b"")
    with pytest.raises(InputError, match="part-5"):
        plan_shards({"train": [f"{folder}/part-*"]})


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_shard_of_a_numbered_set_is_refused_before_the_job_starts(tmp_path, missing):
    for n in {0, 1, 2} - {missing}:
        write(tmp_path / f"photos-{n:05d}-of-00003", [example(image=PHOTOS[n])])
    with pytest.raises(InputError, match=rf"photos-\*-of-00003 are missing: {missing:05d}\."):
        plan_shards({"train": [f"{tmp_path}/photos-*"]})


def test_a_whole_numbered_set_is_taken(tmp_path):
    for n in range(3):
        write(tmp_path / f"photos-{n:05d}-of-00003", [example(image=PHOTOS[n])])
    assert len(plan_shards({"train": [f"{tmp_path}/photos-*"]})) == 3


def test_names_with_spaces_and_accents_are_found(tmp_path):
    path = write(tmp_path / "a b" / "été-0.tfrecord", [example(image=PHOTOS[0])])
    assert paths_of(plan_shards({"été": [f"{tmp_path}/a b/é*"]})) == [str(path)]


def test_a_relative_pattern_is_relative_to_the_process(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (task,) = plan_shards({"train": ["part-0"]})
    assert os.path.samefile(task.path, folder / "part-0")


def test_a_task_survives_the_pickling_between_workers(folder):
    (task,) = plan_shards({"train": [f"{folder}/part-0"]})
    assert pickle.loads(pickle.dumps(task)) == task


def test_a_result_survives_json_and_pickle():
    assert ShardResult.model_validate_json(RESULT.model_dump_json()) == RESULT
    assert pickle.loads(pickle.dumps(RESULT)) == RESULT


@pytest.mark.parametrize("name", ["index", "read", "written", "quarantined", "bytes_written"])
def test_a_result_counts_from_zero(name):
    values = RESULT.model_dump()
    assert ShardResult.model_validate({**values, name: 0})
    with pytest.raises(ValidationError, match=name):
        ShardResult.model_validate({**values, name: -1})


def test_a_result_with_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="skipped"):
        ShardResult.model_validate({**RESULT.model_dump(), "skipped": 1})
