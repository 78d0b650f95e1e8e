"""A job on a portable runner is given up when no worker works on it, and not before.

Beam's own job service runs in this process here; tests/deploy has all in processes of their own.
"""

import threading

import apache_beam as beam
import pytest

from pixelbake.errors import ConfigError, RecipeError, RunError
from pixelbake.job import JobConfig, heartbeat, portable_job, run_job
from pixelbake.job.fit import fit_recipe
from pixelbake.job.heartbeat import beating
from pixelbake.job.pipeline import run_pipeline
from pixelbake.job.portable_job import heartbeat_folder, is_portable
from pixelbake.layers import BrightnessNormalization
from pixelbake.recipe import Recipe
from tests.job.inputs import PHOTOS, example, records_in, write

HERE = ["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"]


@pytest.mark.parametrize(
    "runner", ["PortableRunner", "portable", "FlinkRunner", "flink", "a.b.SparkRunner"]
)
def test_portable_runners_are_known_by_every_name_that_beam_takes(runner):
    assert is_portable([f"--runner={runner}"])


@pytest.mark.parametrize("flags", [[], ["--runner=FnApiRunner"], ["--runner=DataflowRunner"]])
def test_other_runners_have_no_heartbeats_and_no_worker_timeout(flags, tmp_path):
    with heartbeat_folder(str(tmp_path), flags) as folder:
        assert folder == ""
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match=r"--worker_timeout is for PortableRunner.*Received: 60"):
        run_pipeline(lambda pipeline: None, [*flags, "--worker_timeout=60"])


@pytest.mark.parametrize("seconds", [1, 19, -5])
def test_a_timeout_that_a_busy_machine_could_exceed_is_refused(seconds):
    with pytest.raises(ConfigError, match=f"20 seconds or more, or 0 .*Received: {seconds}"):
        run_pipeline(lambda pipeline: None, [*HERE, f"--worker_timeout={seconds}"])


@pytest.fixture
def impatient(monkeypatch):
    """Gives up after a second without a worker."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(portable_job, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(portable_job, "_TIMEOUTS", {"portable": 1})


def run(work, folder):
    with heartbeat_folder(str(folder), HERE) as at_work:

        def build(pipeline):
            _ = pipeline | beam.Create([at_work], reshuffle=False) | beam.Map(work)

        run_pipeline(build, HERE, at_work)


released = threading.Event()


def never_at_work(folder):
    released.wait(60)


def lost(folder):
    with beating(folder):
        threading.Event().wait(0.5)
    released.wait(60)


def long_at_work(folder):
    with beating(folder):
        threading.Event().wait(4)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (never_at_work, r"no worker has taken up work for 1 s .* was given up\. The logs of the"),
        (lost, r"no worker has had work in hand for 1 s .* a worker was lost"),
    ],
)
def test_a_job_that_no_worker_works_on_is_given_up(impatient, tmp_path, work, message):
    released.clear()
    try:
        with pytest.raises(RunError, match=message):
            run(work, tmp_path)
    finally:
        released.set()
    assert not list(tmp_path.iterdir())


def test_a_worker_that_is_long_at_one_thing_is_waited_for(impatient, tmp_path):
    run(long_at_work, tmp_path)


def test_a_fitted_recipe_runs_on_a_portable_runner_as_in_this_process(tmp_path):
    write(tmp_path / "in" / "a", [example(image=image) for image in PHOTOS[:3]])
    recipe = Recipe(layers=[BrightnessNormalization(0.5)])
    config = JobConfig(
        input={"train": f"{tmp_path}/in/*"}, output=f"{tmp_path}/portable", recipe=recipe
    )
    manifest = run_job(config, HERE)
    local = run_job(config.model_copy(update={"output": f"{tmp_path}/local"}))
    assert manifest == local
    (before,), (after,) = (
        one.paths(f"{tmp_path}/{name}", "train")
        for one, name in ((local, "local"), (manifest, "portable"))
    )
    assert records_in(after) == records_in(before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "local", "portable"]


def test_a_layer_that_cannot_be_fitted_there_is_reported_as_in_this_process(tmp_path):
    write(tmp_path / "in" / "a", [example(image=b"not an image")])
    recipe = Recipe(layers=[BrightnessNormalization(0.5)])
    for flags in (HERE, []):
        with pytest.raises(RecipeError, match="fitted"):
            fit_recipe(recipe, f"{tmp_path}/in/*", beam_args=flags)


def test_a_job_service_that_does_not_answer_is_named():
    flags = ["--runner=PortableRunner", "--job_endpoint=localhost:9", "--job_server_timeout=1"]
    with pytest.raises(RunError, match=r"no job service answers at localhost:9 \(--job_endpoint\)"):
        run_pipeline(lambda pipeline: pipeline | beam.Create([1]) and None, flags)
