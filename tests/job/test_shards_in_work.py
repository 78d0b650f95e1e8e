"""Shards follow each other without a gap, in order, in bounds, and leave nothing if one fails."""

import threading

import pytest

from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.batching import MAX_BATCH_PIXELS
from pixelbake.job.config import Limits
from pixelbake.job.record_gate import RecordGate
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import plan_shards
from pixelbake.job.shards_in_work import MAX_OPEN_SHARDS, ShardsInWork
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph
from tests.job.inputs import PHOTOS, example, files_in, records_in, write

RECIPE = Recipe()


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("graph") / "graph")
    write_transform_graph(RECIPE, folder)
    return folder


@pytest.fixture
def folders(tmp_path, graph):
    return RunFolders(
        transform_graph=graph,
        examples=f"{tmp_path}/out/examples",
        quarantine=f"{tmp_path}/out/quarantine",
        results=f"{tmp_path}/out/results",
    )


def tasks_of(tmp_path, shards):
    paths = [str(write(tmp_path / "in" / f"{i:03d}", records)) for i, records in enumerate(shards)]
    return plan_shards({"all": paths})


def in_work(folders, around=lambda transform, batch: transform(batch)):
    limits = Limits()
    transform = BatchTransform(folders.transform_graph, RECIPE.image_features, {})
    gate = RecordGate.of(RECIPE, limits.images)
    return ShardsInWork(
        gate, lambda batch: around(transform, batch), folders, limits.max_record_bytes, None
    )


def image():
    return example(image=PHOTOS[0])


def test_a_shard_is_begun_before_the_one_ahead_is_done(tmp_path, folders):
    both = threading.Barrier(2)

    def together(transform, batch):
        both.wait(timeout=60)  # breaks, and with it the test, if the batches come one by one
        return transform(batch)

    work = in_work(folders, together)
    results = []
    for task in tasks_of(tmp_path, [[image()], [image()]]):
        results += work.add(task)
    results += work.finish()
    assert [result.written for result in results] == [1, 1]


def test_results_come_in_the_order_of_the_shards_whatever_they_hold(tmp_path, folders):
    good, bad = [image()] * 3, [example(image=b"no image")] * 2
    shards = [good, bad, bad, bad, bad, bad, good, bad, good + bad]
    work = in_work(folders)
    results = []
    for task in tasks_of(tmp_path, shards):
        results += work.add(task)
    results += work.finish()
    assert [result.index for result in results] == list(range(len(shards)))
    assert [(result.written, result.quarantined) for result in results] == [
        (shard.count(image()), len(shard) - shard.count(image())) for shard in shards
    ]
    for result, shard in zip(results, shards, strict=True):
        path = f"{folders.examples}/Split-all/{result.output}"
        assert len(records_in(path)) == shard.count(image())


def test_few_shards_are_open_even_if_all_their_records_are_bad(tmp_path, folders):
    """While the images of the first are at work, hundreds of others might be read."""
    held = threading.Event()

    def hold(transform, batch):
        assert held.wait(timeout=60)
        return transform(batch)

    work = in_work(folders, hold)
    tasks = tasks_of(tmp_path, [[image()], *([[example(image=b"no image")]] * 8)])
    release = threading.Timer(1.0, held.set)
    release.start()
    most = 0
    for task in tasks:
        for _ in work.add(task):
            pass
        open_files = [path for path in files_in(tmp_path / "out") if ".part" in path]
        most = max(most, sum(path.startswith("examples/") for path in open_files))
    assert len(list(work.finish())) <= MAX_OPEN_SHARDS
    release.join()
    assert 1 <= most <= MAX_OPEN_SHARDS


def test_two_images_that_are_too_large_together_are_not_at_work_together(
    tmp_path, folders, monkeypatch
):
    monkeypatch.setattr(
        "pixelbake.job.shards_in_work.pixels_in_work", lambda *_: MAX_BATCH_PIXELS * 3 // 2
    )
    busy = threading.Lock()

    def alone(transform, batch):
        assert busy.acquire(blocking=False), "two large images at once"
        try:
            threading.Event().wait(0.05)
            return transform(batch)
        finally:
            busy.release()

    work = in_work(folders, alone)
    results = []
    for task in tasks_of(tmp_path, [[image()] * 3, [image()] * 3]):
        results += work.add(task)
    results += work.finish()
    assert sum(result.written for result in results) == 6


def test_a_failure_leaves_no_file_of_any_shard_in_work(tmp_path, folders):
    def fail_at_three(transform, batch):
        if len(batch) == 3:
            raise MemoryError("no more")
        return transform(batch)

    work = in_work(folders, fail_at_three)
    shards = tasks_of(tmp_path, [[image()] * 2, [image()] * 3, [image()] * 4])

    def run():
        for task in shards:
            yield from work.add(task)
        yield from work.finish()

    done = []
    with pytest.raises(MemoryError, match="no more"):
        done.extend(run())
    assert [result.index for result in done] == [0]
    assert list(files_in(tmp_path / "out")) == [
        f"examples/Split-all/{done[0].output}",
        "results/all-00000-of-00003.json",
    ]
