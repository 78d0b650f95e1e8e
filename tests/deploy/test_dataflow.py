"""Dataflow, as far as it goes without a network: the real translator, in a dry run."""

import importlib.util
import json
import re
import sys

import apache_beam as beam
import keras
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2

from pixelbake.cli.run import run as run_command
from pixelbake.job import Limits
from pixelbake.job.whole_run import MakeRun, WholeRun
from pixelbake.recipe import Recipe
from tests.deploy.tools import DEPLOY, ROOT, run, tool

pytestmark = pytest.mark.deploy

IMAGE = "registry.example/team/pixelbake:1.2.3"
NOWHERE = "gs://bucket-of-nobody"
FLAGS = [
    "--runner=DataflowRunner",
    "--project=some-project",
    "--region=europe-west1",
    f"--temp_location={NOWHERE}/tmp",
    "--experiments=use_runner_v2",
    f"--sdk_container_image={IMAGE}",
    "--dry_run=True",
]
MIB = 2**20


@pytest.fixture(scope="module")
def translated():
    """What Dataflow would be sent for a recipe with 2 MiB of trained weights."""
    pytest.importorskip("apache_beam.runners.dataflow.internal.apiclient")
    layers = [
        keras.layers.Conv2D(1024, 9, padding="same", name="wide"),
        keras.layers.Conv2D(3, 9, padding="same", name="back"),
    ]
    keras.Sequential([keras.Input((None, None, 3)), *layers])
    recipe = Recipe(layers=layers)
    assert len(recipe.to_json()) > 2 * MIB
    folder = WholeRun(
        inputs={"train": (f"{NOWHERE}/in/train-*", f"{NOWHERE}/more/*")},
        output=f"{NOWHERE}/run",
        folder="runs/first",
        recipe_key="key",
        recipe_hash=recipe.hash,
        limits=Limits(),
    )
    options = PipelineOptions(FLAGS, save_main_session=False)
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | "MakeRun" >> MakeRun(folder, recipe)
    pipeline.run()
    return pipeline.runner.proto_pipeline


def steps(proto):
    return list(proto.components.transforms.values())


def test_every_worker_runs_the_image_that_was_named(translated):
    environments = translated.components.environments.values()
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(one.payload).container_image
        for one in environments
    }
    assert images == {IMAGE}
    used = {step.environment_id for step in steps(translated) if step.environment_id}
    assert used == set(translated.components.environments)


def test_nothing_of_the_launching_process_is_staged(translated):
    for environment in translated.components.environments.values():
        assert not environment.dependencies


def test_the_steps_have_names_that_say_what_they_do(translated):
    names = {step.unique_name for step in steps(translated)}
    assert {
        "MakeRun/Patterns",
        "MakeRun/PlanShards",
        "MakeRun/TransformImages/SpreadShards",
        "MakeRun/TransformImages/TransformShard",
        "MakeRun/WriteManifest",
    } <= names


def test_no_step_carries_the_recipes_weights_or_any_other_load(translated):
    payloads = {step.unique_name: len(step.spec.payload) for step in steps(translated)}
    assert payloads["MakeRun/TransformImages/TransformShard"] > 0
    assert max(payloads.values()) < 64 * 1024
    assert translated.ByteSize() < MIB


def test_the_launcher_sends_what_it_was_told_and_no_data(translated):
    sources = [s.unique_name for s in steps(translated) if not s.inputs and not s.subtransforms]
    assert sorted(sources) == ["MakeRun/Patterns/Impulse", "MakeRun/Run/Impulse"]


def test_the_template_launches_the_command_line_and_passes_on_its_flags(tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text(f"input: {{train: {NOWHERE}/in/*}}\noutput: {NOWHERE}/run\nrecipe: {{}}\n")
    done = run(sys.executable, DEPLOY / "dataflow" / "launch.py", f"--job={job}", *FLAGS)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{NOWHERE}/run: written down for Dataflow, not run here\n"
    refused = run(sys.executable, DEPLOY / "dataflow" / "launch.py", *FLAGS)
    assert refused.returncode == 2
    assert "--job" in refused.stderr


def test_the_templates_parameters_are_options_of_the_command_line_or_of_beam():
    metadata = json.loads((DEPLOY / "dataflow" / "metadata.json").read_text())
    spec = importlib.util.spec_from_file_location("launch", DEPLOY / "dataflow" / "launch.py")
    launch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launch)
    own = {a.option_strings[0].lstrip("-") for a in launch.parser._actions} - {"h"}
    assert own <= {parameter.name for parameter in run_command.params}
    known = own | set(PipelineOptions([]).get_all_options(drop_default=False))
    parameters = {one["name"]: one for one in metadata["parameters"]}
    assert own <= set(parameters)
    assert set(parameters) <= known
    assert set(metadata) == {"name", "description", "parameters"}
    for one in parameters.values():
        assert set(one) <= {"name", "label", "helpText", "isOptional", "regexes", "paramType"}
        assert one["label"]
        assert one["helpText"].endswith(".")
        assert [re.compile(pattern) for pattern in one["regexes"]]
    assert not parameters["job"].get("isOptional", False)
    (pattern,) = parameters["job"]["regexes"]
    assert re.search(pattern, f"{NOWHERE}/jobs/nightly.yaml")
    assert not re.search(pattern, "/etc/nightly.yaml")
    assert re.search(*parameters["sdk_container_image"]["regexes"], IMAGE)


def test_the_dockerfile_passes_its_linter():
    done = run(tool("tools", "hadolint"), DEPLOY / "dataflow" / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_dockerfile_has_the_python_and_the_beam_of_its_lock():
    text = (DEPLOY / "dataflow" / "Dockerfile").read_text()
    lock = (DEPLOY / "locks" / "image.txt").read_text()
    beam_version = re.search(r"^apache-beam==(\S+)", lock, re.M)[1]
    python = re.search(r"image\) python=(\S+)", (DEPLOY / "tool_env.sh").read_text())[1]
    assert f"FROM apache/beam_python{python}_sdk:{beam_version} AS beam" in text
    assert re.search(rf"^FROM python:{re.escape(python)}\.\d+-slim-\w+$", text, re.M)
    compiled = (DEPLOY / "lock.sh").read_text()
    assert f"--python-version {python} --python-platform" in compiled
    assert "--require-hashes" in text
    assert ROOT.joinpath("deploy/dataflow/launch.py").name in text
