"""Workers are heard of as long as they have work, and end when their run was given up."""

import os
import threading

import apache_beam as beam
import pytest

from pixelbake.errors import RunError
from pixelbake.job import heartbeat
from pixelbake.job.heartbeat import Heartbeats, beating, raise_if_given_up
from pixelbake.job.pipeline import run_pipeline
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import plan_shards
from pixelbake.job.transform_images import TransformImages
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph
from tests.job.inputs import PHOTOS, example, write
from tests.job.object_store import ObjectStore


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path):
    if request.param == "local":
        return str(tmp_path)
    ObjectStore.empty(tmp_path)
    return f"objects://bucket/{tmp_path.name}"


def heard(heartbeats, times=1):
    end = threading.Event()
    for _ in range(1000):
        times -= heartbeats.any_new()
        if times <= 0:
            return True
        end.wait(0.01)
    return False


def test_a_worker_is_heard_of_again_and_again_while_it_works_and_no_longer(folder, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    heartbeats = Heartbeats(folder)
    assert not heartbeats.any_new()
    with beating(folder):
        assert heard(heartbeats, times=3)
    heartbeats.any_new()
    threading.Event().wait(0.2)
    assert not heartbeats.any_new()


def test_what_an_earlier_worker_left_is_heard_only_once(folder):
    with beating(folder):
        pass
    heartbeats = Heartbeats(folder)
    assert heartbeats.any_new()
    assert not heartbeats.any_new()


def test_many_small_shards_are_one_note(folder, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 60.0)
    heartbeats = Heartbeats(folder)
    with beating(folder):
        pass
    assert heartbeats.any_new()
    for _ in range(10):
        with beating(folder):
            pass
        assert not heartbeats.any_new()


def test_a_folder_that_is_gone_tells_a_worker_that_its_run_was_given_up(tmp_path):
    gone = f"{tmp_path}/at-work"
    with pytest.raises(RunError, match="given up"):
        raise_if_given_up(gone)
    with pytest.raises(RunError, match="given up"), beating(gone):
        pass
    raise_if_given_up("")
    raise_if_given_up("objects://bucket/run/at-work-1")


def test_a_worker_whose_run_was_given_up_gives_no_shard_a_name(tmp_path):
    """The next run makes its files under the same names."""
    at_work = tmp_path / "at-work"
    at_work.mkdir()
    path = write(tmp_path / "in" / "a", [example(image=PHOTOS[0])] * 3)
    recipe = Recipe()
    folders = RunFolders(
        transform_graph=f"{tmp_path}/graph",
        examples=f"{tmp_path}/examples",
        quarantine=f"{tmp_path}/quarantine",
        results=f"{tmp_path}/results",
        at_work=str(at_work),
    )
    write_transform_graph(recipe, folders.transform_graph)
    tasks = plan_shards({"all": [str(path)]})

    def give_up(task):  # runs in this process, after the first stage has begun
        for note in at_work.iterdir():
            note.unlink()
        os.rmdir(at_work)
        return task

    def build(pipeline):
        shards = pipeline | beam.Create(tasks, reshuffle=False) | beam.Map(give_up)
        _ = shards | TransformImages(recipe, folders)

    with pytest.raises(RunError, match="the run was given up while this worker was at work"):
        run_pipeline(build)
    assert not list(tmp_path.glob("examples/**/*"))
    assert not (tmp_path / "results").exists()
