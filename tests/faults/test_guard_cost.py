"""What the guard costs where nothing is wrong, against the same job with it taken out."""

from __future__ import annotations

import resource
import statistics
import time

import pytest

from bench.contenders import unguarded
from pixelbake.job import shards_in_work
from pixelbake.job.record_gate import RecordGate
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import plan_shards
from pixelbake.job.transform_images import TransformImages
from pixelbake.layers import GaussianBlur
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph
from tests.job.inputs import PHOTOS, example, write

pytestmark = pytest.mark.slow

IMAGES = 240
ROUNDS = 24
#: Raw pixels are the cheapest output, so that the guard's share is the largest it can be.
RECIPE = Recipe(
    layers=[GaussianBlur(5, 2.0)], output={"encoding": "raw"}, passthrough={"label": "int64"}
)


@pytest.fixture
def shard(tmp_path):
    """A worker's own DoFn over one shard of 224 x 224 JPEGs, and a switch for its guard."""
    records = [example(image=PHOTOS[n % len(PHOTOS)], label=n) for n in range(IMAGES)]
    path = write(tmp_path / "in" / "photos", records)
    folders = RunFolders(
        *(str(tmp_path / name) for name in ("graph", "examples", "quarantine", "results"))
    )
    write_transform_graph(RECIPE, folders.transform_graph)
    for folder in (tmp_path / "examples" / "Split-photos", tmp_path / "results"):
        folder.mkdir(parents=True)
    (task,) = plan_shards({"photos": [str(path)]})
    do_fn = TransformImages(RECIPE, folders)._do_fn
    do_fn.setup()
    return do_fn, task, path


@pytest.fixture
def guard(monkeypatch):
    ways = {
        True: (shards_in_work.read_tfrecord, RecordGate.check),
        False: (unguarded._read_plain, unguarded._admit),
    }

    def switch(on: bool):
        read, check = ways[on]
        monkeypatch.setattr(shards_in_work, "read_tfrecord", read)
        monkeypatch.setattr(RecordGate, "check", check)

    return switch


def whole_job(do_fn, task) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    do_fn.start_bundle()
    (result,) = [*do_fn.process(task), *(one.value for one in do_fn.finish_bundle())]
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert result.written == IMAGES
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def reading_and_checking(do_fn, path) -> float:
    """All that the guard is in, and nothing else: one thread's CPU time has little noise."""
    start = time.thread_time()
    with path.open("rb") as file:
        for record in shards_in_work.read_tfrecord(file, str(path), max_record_bytes=2**27):
            RecordGate.check(do_fn._gate, record)
    return time.thread_time() - start


def test_the_guard_costs_less_than_three_percent(shard, guard, record_property):
    do_fn, task, path = shard
    jobs, parts = {True: [], False: []}, {True: [], False: []}
    for round_ in range(ROUNDS + 1):
        for on in (True, False) if round_ % 2 else (False, True):
            guard(on)
            job, part = whole_job(do_fn, task), reading_and_checking(do_fn, path)
            if round_:  # the first warms up
                jobs[on].append(job)
                parts[on].append(part)
    # Noise only adds: the least of many is nearest to what the work takes.
    own = min(parts[True]) - min(parts[False])
    differences = [a - b for a, b in zip(jobs[True], jobs[False], strict=True)]
    cost = {
        "own": 1e6 * own / IMAGES,
        "job": 1e6 * min(jobs[False]) / IMAGES,
        "share": own / min(jobs[False]),
        "whole": statistics.median(differences) / statistics.median(jobs[False]),
        "error": statistics.stdev(differences) / ROUNDS**0.5 / statistics.median(jobs[False]),
    }
    assert 0 < cost["share"] < 0.03
    assert cost["whole"] < 0.03 + 3 * cost["error"]
    record_property("guard_cost", cost)
