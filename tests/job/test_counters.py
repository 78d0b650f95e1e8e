"""What a job's workers count in Beam's metrics is what the books say."""

import re
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.metrics.execution import MetricsContainer
from apache_beam.runners.runner import PipelineResult, PipelineState
from apache_beam.runners.worker import statesampler
from apache_beam.utils.counters import CounterFactory

from pixelbake.job import JobConfig, Limits, counters, run_job
from pixelbake.job.counters import NAMESPACE, ShardCounters, watch_metrics
from pixelbake.job.local_runner import LocalRunner
from pixelbake.job.progress import Progress
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import ShardResult, plan_shards
from pixelbake.job.transform_images import TransformImages
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph
from tests.job.inputs import DIGITS, PHOTOS, example, files_in, write
from tests.job.object_store import ObjectStore

DOCS = Path(__file__).parents[2] / "docs" / "deployment.md"
PORTABLE = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]
LIMITS = Limits(max_bad_fraction=1.0)
SHARDS = {
    "a": [example(image=image) for image in [*PHOTOS[:3], b"no image", PHOTOS[3][:900]]],
    "b": [example(image=image) for image in DIGITS] + [b"not an Example"],
}


def job(folder: Path, **changes) -> JobConfig:
    return JobConfig(
        **{
            "input": {"all": f"{folder}/in/*"},
            "output": f"{folder}/run",
            "recipe": Recipe(),
            "limits": LIMITS,
            **changes,
        }
    )


@pytest.fixture
def folder(tmp_path):
    for name, records in SHARDS.items():
        write(tmp_path / "in" / name, records)
    return tmp_path


def counted(result) -> dict[str, dict[str, int]]:
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    return {
        kind: {one.key.metric.name: one.result for one in found[kind]}
        for kind in ("counters", "distributions")
    }


def test_beams_counters_are_the_books_and_the_documentation_names_them_all(folder):
    tasks = plan_shards({"all": [f"{folder}/in/*"]})
    folders = RunFolders(*(f"{folder}/run/{name}" for name in ("graph", "examples", "bad")), "")
    recipe = Recipe()
    write_transform_graph(recipe, folders.transform_graph)
    (folder / "run" / "examples" / "Split-all").mkdir(parents=True)
    (folder / "run" / "bad" / "Split-all").mkdir(parents=True)
    pipeline = beam.Pipeline(LocalRunner())
    shards = pipeline | beam.Create(tasks, reshuffle=False)
    _ = shards | TransformImages(recipe, folders, LIMITS)
    found = counted(pipeline.run())
    manifest = run_job(job(folder, output=f"{folder}/books"))
    books = manifest.splits["all"]
    assert (books.read, books.quarantined) == (5 + len(DIGITS) + 1, 3)
    assert found["counters"] == {
        "read": books.read,
        "written": books.written,
        "quarantined": books.quarantined,
        "bytes_read": sum(len(data) for data in files_in(folder / "in").values()),
        "bytes_written": sum(shard.bytes_written for shard in manifest.shards),
        **{f"quarantined_{reason}": count for reason, count in books.reasons.items()},
    }
    (images,) = found["distributions"].values()
    assert (images.min, images.max, images.sum, images.count) == (3, len(DIGITS), books.written, 2)
    section = DOCS.read_text().split("## Watching it", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"^\| `(\w+)`", section, re.M))
    reasons = {f"quarantined_{reason}" for reason in books.reasons}
    made = {*found["counters"], *found["distributions"], "bytes_planned"}
    assert named == {*(made - reasons), "quarantined_REASON"}


@pytest.mark.parametrize("flags", [[], PORTABLE], ids=["FnApiRunner", "PortableRunner"])
def test_a_run_in_an_object_store_tells_how_far_it_is_by_metrics(folder, monkeypatch, flags):
    monkeypatch.setattr(counters, "LOOK_SECONDS", 0.05)  # also when nothing is known yet
    (folder / "objects").mkdir()
    store = ObjectStore.empty(folder / "objects")
    for path in (folder / "in").iterdir():
        store.put(f"objects://in/{path.name}", path.read_bytes())
    heard: list[Progress] = []
    config = job(folder, input={"all": "objects://in/*"}, output="objects://out/run")
    books = run_job(config, flags, on_progress=heard.append).splits["all"]
    last = heard[-1]
    assert (last.records, last.quarantined) == (books.read, books.quarantined)
    size = sum(len(data) for data in files_in(folder / "in").values())
    assert (last.bytes_read, last.bytes_total, last.fraction) == (size, size, 1.0)


def totals(container) -> dict[str, int]:
    cumulative = container.get_cumulative()
    return {key.metric.name: count for key, count in cumulative.counters.items()}


def test_a_shard_is_counted_while_it_is_in_work_and_once():
    sampler = statesampler.StateSampler("test", CounterFactory())
    container = MetricsContainer("step")
    statesampler.set_current_tracker(sampler)
    try:
        with sampler.scoped_state("step", "process", metrics_container=container):
            shard = ShardCounters()
            books = ShardResult(
                split="all", index=0, input="a", output="a", read=70, written=0, quarantined=0
            )
            shard.note(books, 700)
            assert totals(container) == {"read": 70, "bytes_read": 700}
            shard.note(books.model_copy(update={"written": 64}), 900)
            assert totals(container) == {"read": 70, "written": 64, "bytes_read": 900}
            books = ShardResult(
                split="all", index=0, input="a", output="a", read=80, written=79, quarantined=1,
                reasons={"decode_failed": 1}, bytes_written=5,
            )  # fmt: skip
            shard.close(books, 1000)
    finally:
        statesampler.set_current_tracker(None)
    assert totals(container) == {
        "read": 80,
        "written": 79,
        "quarantined": 1,
        "quarantined_decode_failed": 1,
        "bytes_read": 1000,
        "bytes_written": 5,
    }


def test_a_runner_without_metrics_tells_nothing_and_breaks_nothing(monkeypatch):
    monkeypatch.setattr(counters, "LOOK_SECONDS", 0.01)
    heard = []
    for result in (None, PipelineResult(PipelineState.DONE)):  # Beam's own, without metrics
        with watch_metrics(lambda result=result: result, heard.append):
            pass
    assert heard == []
