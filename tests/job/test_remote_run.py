"""Runs with input or output in an object store, on a file system with an object store's rules."""

import json

import apache_beam as beam
import numpy as np
import pytest

from pixelbake.errors import BadRecordsError, ConfigError, InputError, OutputError
from pixelbake.job import (
    Fit,
    JobConfig,
    Limits,
    read_manifest,
    read_quarantine,
    run_job,
    standing_run,
)
from pixelbake.job.remote_run import write_job_down
from pixelbake.job.whole_run import MakeRun, WholeRun
from pixelbake.layers import BrightnessNormalization
from pixelbake.recipe import Recipe
from tests.job.inputs import PHOTOS, example, files_in, pixels_of, records_in, write
from tests.job.object_store import ObjectStore

RUN = "objects://out/run"
GOOD = [example(image=image) for image in PHOTOS[:2]]
BAD = [*GOOD, example(image=b"no image")]
DATAFLOW = ["--runner=DataflowRunner", "--project=p", "--region=europe-west1"]


@pytest.fixture
def store(tmp_path):
    (tmp_path / "objects").mkdir()
    return ObjectStore.empty(tmp_path / "objects")


def put(store, name, records, tmp_path):
    return store.put(name, write(tmp_path / "shard", records).read_bytes())


def job(output=RUN, pattern="objects://in/*", **more):
    return JobConfig(input={"all": pattern}, output=output, recipe=Recipe(), **more)


def below(store, prefix):
    return {name: data for name, data in store.objects().items() if name.startswith(prefix)}


def test_layers_are_fitted_on_data_in_an_object_store_before_the_run_is_made(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    recipe = Recipe(layers=[BrightnessNormalization(0.5)])
    config = job(fit=Fit(splits=["all"])).model_copy(update={"recipe": recipe})
    heard = []
    manifest = run_job(config, on_progress=heard.append)
    told = [(one.fitting, one.records, one.fraction) for one in heard]
    assert told == [("BrightnessNormalization", 2, 1.0), ("", 2, 1.0)]
    (fitted,) = manifest.fitted
    pixels = np.stack([pixels_of(image) for image in PHOTOS[:2]]) / 255
    assert fitted.config["mean"] == pytest.approx(pixels.mean(), rel=1e-12)
    assert manifest.recipe.layers[0].config == fitted.config
    assert not [name for name in store.objects() if "counts" in name]
    with pytest.raises(ConfigError, match=r"no data is read. Fit it by pixelbake\.fit_recipe"):
        write_job_down(config, [*DATAFLOW, "--dry_run=True"])


def test_a_run_in_an_object_store_holds_the_records_and_books_of_a_local_one(
    finished, store, tmp_path
):
    patterns = {}
    for split, shards in finished.inputs.items():
        patterns[split] = f"objects://in/{split}/*"
        for path in shards:
            store.put(f"objects://in/{split}/{path.name}", path.read_bytes())
    config = finished.config.model_copy(
        update={"input": {split: (one,) for split, one in patterns.items()}, "output": RUN}
    )
    manifest = run_job(config)
    assert manifest == read_manifest(RUN)
    assert manifest.splits == finished.manifest.splits
    for split in patterns:
        there = manifest.paths(RUN, split)
        here = finished.manifest.paths(str(finished.folder), split)
        assert len(there) == len(here) > 1
        for remote, local in zip(there, here, strict=True):
            copy = tmp_path / "copy"
            copy.write_bytes(store.objects()[remote])
            assert records_in(copy) == records_in(local)
    assert f"{manifest.transform_graph(RUN)}/recipe.json" in store.objects()
    names = set(below(store, RUN))
    assert not [name for name in names if ".part" in name]
    writes = [path for kind, path in store.operations if kind == "write"]
    report = f"{manifest.files(RUN)}/report.html"
    assert writes[-2:] == [f"{RUN}/manifest.json", report]


def test_a_run_replaces_an_old_one_and_leaves_no_object_of_it(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    first = run_job(job())
    put(store, "objects://in/b", GOOD, tmp_path)
    second = run_job(job())
    assert first.folder != second.folder
    assert second.splits["all"].written == 4
    files = set(below(store, RUN)) - {f"{RUN}/manifest.json"}
    assert {name.removeprefix(f"{RUN}/").split("/")[1] for name in files} == {
        second.folder.split("/")[1]
    }
    replaced = store.operations.index(("write", f"{RUN}/manifest.json"), -1000)
    removed = [i for i, (kind, path) in enumerate(store.operations) if first.folder in path]
    assert removed[-1] > replaced


def test_a_run_of_which_too_much_is_bad_publishes_nothing_and_keeps_its_quarantine(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    run_job(job())
    before = below(store, RUN)
    put(store, "objects://in/a", BAD, tmp_path)
    with pytest.raises(BadRecordsError, match=r"1 of 3 records .*kept in (.*)\.$") as caught:
        run_job(job())
    kept, _, first = str(caught.value).rpartition("kept in ")[2].partition(". ")
    assert first.startswith("Its first record is objects://in/a, record 2: feature 'image': ")
    after = below(store, RUN)
    assert {name: after[name] for name in before} == before
    left = set(after) - set(before)
    assert left
    assert all(name.startswith(kept) for name in left)
    (item,) = read_quarantine(kept, "all")
    assert (item.file, item.index) == ("objects://in/a", 2)


def test_what_a_published_run_quarantined_is_read_through_its_manifest(store, tmp_path):
    put(store, "objects://in/a", BAD, tmp_path)
    run_job(job(limits=Limits(max_bad_fraction=1.0)))
    (item,) = read_quarantine(RUN, "all")
    assert item.data == BAD[2]


def test_input_that_is_not_there_is_reported_as_from_a_local_run_and_leaves_nothing(store):
    with pytest.raises(InputError, match=r"^split 'all': no file matches 'objects://in/\*'"):
        run_job(job())
    assert store.objects() == {}


def test_the_manifest_of_another_program_is_refused_and_kept(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    store.put(f"{RUN}/manifest.json", b'{"name": "A web app"}')
    before = store.objects()
    with pytest.raises(OutputError, match="not the manifest of a run"):
        run_job(job())
    assert store.objects() == before


def test_a_pipeline_is_made_without_a_look_at_any_file(store):
    run = WholeRun({"all": ("objects://in/*",)}, RUN, "runs/x", "key", "hash", Limits())
    pipeline = beam.Pipeline()
    _ = pipeline | MakeRun(run, Recipe())
    proto = pipeline.to_runner_api()
    assert store.operations == []
    payloads = [len(one.spec.payload) for one in proto.components.transforms.values()]
    assert max(payloads) < 100_000


def test_remote_input_makes_a_local_run_that_is_put_in_place_as_a_whole(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    manifest = run_job(job(output=f"{tmp_path}/made/run"))
    assert manifest.folder == ""
    (shard,) = manifest.paths(f"{tmp_path}/made/run", "all")
    assert len(records_in(shard)) == 2
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["run"]
    before = files_in(tmp_path / "made")
    put(store, "objects://in/a", BAD, tmp_path)
    with pytest.raises(BadRecordsError, match=r"kept in .*run\.failed"):
        run_job(job(output=f"{tmp_path}/made/run"))
    after = files_in(tmp_path / "made")
    assert {name: after[name] for name in before} == before
    (item,) = read_quarantine(f"{tmp_path}/made/run.failed", "all")
    assert item.index == 2


def test_the_same_input_has_the_same_fingerprint_and_changed_input_another(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    prints = [json.loads(run_job(job()).model_dump_json())["fingerprint"] for _ in range(2)]
    assert standing_run(job()).fingerprint == prints[1]
    put(store, "objects://in/a", GOOD[:1], tmp_path)
    assert standing_run(job()) is None
    assert prints[0] == prints[1] != run_job(job()).fingerprint


def test_what_only_a_local_run_can_do_is_refused_in_words(store):
    with pytest.raises(ConfigError, match="--resume"):
        run_job(job(), resume=True)
    assert store.operations == []


@pytest.mark.parametrize(
    "config", [job(pattern="/in/*"), job(output="/out/run")], ids=["input", "output"]
)
def test_dataflow_is_refused_local_files_by_name(store, config):
    with pytest.raises(ConfigError, match=r"can't see /(in|out)/"):
        run_job(config, DATAFLOW)


def test_a_job_that_is_only_written_down_is_not_taken_for_a_run(store):
    with pytest.raises(ConfigError, match="not run here"):
        run_job(job(), [*DATAFLOW, "--dry_run=True"])
    with pytest.raises(ConfigError, match="needs an output such as gs://"):
        write_job_down(job(output="/out/run"), [*DATAFLOW, "--dry_run=True"])


def test_a_job_that_was_written_down_is_published_by_its_workers_alone(store, tmp_path):
    put(store, "objects://in/a", GOOD, tmp_path)
    write_job_down(job(), ["--template_location=objects://templates/job"])
    manifest = read_manifest(RUN)
    assert manifest.splits["all"].written == 2
    assert set(below(store, f"{RUN}/{manifest.folder}/examples/")) == set(
        manifest.paths(RUN, "all")
    )
    assert run_job(job()).fingerprint == manifest.fingerprint
