import json
from pathlib import Path

import pytest

from pixelbake.job import JobConfig, run_job
from pixelbake.job.progress import Progress, ShardProgress, watch
from pixelbake.job.shards import ShardTask
from tests.job.conftest import RECIPE
from tests.job.inputs import files_in

TASKS = [ShardTask("train", i, 2, f"train-{i}", 1000) for i in range(2)]


def told(folder: Path, work) -> Progress:
    """The last that is told when `work` has been done."""
    heard = []
    with watch(str(folder / "progress"), TASKS, heard.append):
        work(str(folder / "progress"))
    return heard[-1]


def test_what_the_workers_note_is_added_up(tmp_path):
    def work(folder):
        ShardProgress(folder, TASKS[0]).note(70, 2, 1000, done=True)
        ShardProgress(folder, TASKS[1]).note(30, 1, 500)

    progress = told(tmp_path, work)
    assert (progress.records, progress.quarantined) == (100, 3)
    assert (progress.bytes_read, progress.bytes_total, progress.fraction) == (1500, 2000, 0.75)
    assert progress.splits == ("train",)


def test_a_worker_writes_only_now_and_then_but_its_last_word_always(tmp_path):
    def work(folder):
        shard = ShardProgress(folder, TASKS[0])
        for records in range(1, 1000):
            shard.note(records, 0, records)
        assert json.loads(Path(folder, "train-0.json").read_text())[0] == 1
        shard.note(1000, 0, 1000, done=True)

    assert told(tmp_path, work).records == 1000


def test_a_shard_that_is_tried_again_is_not_counted_twice(tmp_path):
    def work(folder):
        ShardProgress(folder, TASKS[0]).note(70, 0, 700)
        ShardProgress(folder, TASKS[0]).note(10, 0, 100)

    assert told(tmp_path, work).records == 10


def test_a_worker_that_cannot_write_its_note_goes_on(tmp_path):
    ShardProgress(str(tmp_path / "not there"), TASKS[0]).note(1, 0, 1)


def test_the_time_left_follows_from_the_bytes_read():
    progress = Progress(300, 0, 250, 1000, ("train",), 10.0)
    assert progress.images_per_second == 30.0
    assert progress.seconds_left == pytest.approx(30.0)
    assert Progress(0, 0, 0, 1000, (), 0.0).seconds_left is None


def test_a_run_tells_of_every_record_and_leaves_no_note(finished, tmp_path):
    heard = []
    config = JobConfig(input=finished.config.input, output=str(tmp_path / "run"), recipe=RECIPE)
    manifest = run_job(config, on_progress=heard.append)
    last = heard[-1]
    assert last.records == sum(counts.read for counts in manifest.splits.values())
    assert last.bytes_read == last.bytes_total > 0
    assert last.fraction == 1.0
    assert "progress" not in {Path(name).parts[0] for name in files_in(tmp_path / "run")}
