import os
import shutil
from pathlib import Path

import pytest

from pixelbake.errors import InputError
from pixelbake.job import Limits, standing_run
from pixelbake.recipe import Recipe
from tests.job.inputs import PHOTOS, example, write


@pytest.fixture
def copy(finished, tmp_path):
    """The finished run's job, on a copy of the run."""
    shutil.copytree(finished.folder, tmp_path / "run")
    return finished.config.model_copy(update={"output": f"{tmp_path}/run"})


def changed(config, **values):
    return standing_run(config.model_copy(update=values))


def test_a_run_of_the_same_job_stands(finished, copy):
    assert standing_run(finished.config) == finished.manifest
    assert standing_run(copy) == finished.manifest


def test_another_recipe_other_limits_or_other_expectations_are_another_job(finished):
    assert changed(finished.config, recipe=Recipe()) is None
    assert changed(finished.config, limits=Limits(max_bad_fraction=0.5)) is None
    assert changed(finished.config, expected_records={"train": 20}) is None
    assert changed(finished.config, input={"train": finished.config.input["train"]}) is None


def test_no_run_no_standing_one(finished, tmp_path):
    assert changed(finished.config, output=f"{tmp_path}/none") is None


def test_a_touched_file_a_new_file_and_a_missing_file_are_changes(finished):
    first = next(iter(finished.inputs["train"]))
    times = first.stat()
    try:
        os.utime(first, (times.st_atime, times.st_mtime + 1))
        assert standing_run(finished.config) is None
    finally:
        os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert standing_run(finished.config)
    new = write(first.with_name("a-4"), [example(image=PHOTOS[0])])
    try:
        assert standing_run(finished.config) is None
    finally:
        new.unlink()
    moved = first.rename(first.with_name("moved"))
    try:
        assert standing_run(finished.config) is None
    finally:
        moved.rename(first)
    assert standing_run(finished.config)


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_bytes(b"cut")])
def test_a_run_that_lost_a_shard_or_a_part_of_one_does_not_stand(copy, finished, damage):
    _, shard = finished.shards[1]
    damage(Path(copy.output) / shard.relative_to(finished.folder))
    assert standing_run(copy) is None


def test_missing_input_is_refused_as_by_a_run(finished):
    with pytest.raises(InputError, match="no file matches"):
        changed(finished.config, input={"train": ("/nowhere/*",)})
