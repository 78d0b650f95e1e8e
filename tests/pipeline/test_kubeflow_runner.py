"""The pipeline compiled for Kubeflow v2 and Vertex, held against the pipeline spec's own schema."""

import json

import pytest

pytest.importorskip("tfx", reason="this stack has no TFX")

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from ruamel.yaml import YAML
from tfx.utils import import_utils

from pipeline.kubeflow_runner import main
from pixelbake.tfx.artifacts import Quarantine

pytestmark = [pytest.mark.slow, pytest.mark.tfx]

IMAGE = "registry.example/team/digits:1"
BEAM_ARGS = ["--runner=DataflowRunner", "--project=some-project", "--region=europe-west1"]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    output = tmp_path_factory.mktemp("kubeflow") / "digits.json"
    main(
        [
            *("--image", IMAGE, "--root", "gs://bucket-of-nobody/root"),
            *("--serving", "gs://bucket-of-nobody/serving", "--output", str(output), "--"),
            *BEAM_ARGS,
        ]
    )
    return json.loads(output.read_text())


@pytest.fixture(scope="module")
def spec(job):
    """The pipeline as the schema reads it; an unknown key or a wrong type is an error."""
    return json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())


def test_every_component_is_a_task_of_the_spec(spec):
    assert spec.pipeline_info.name == "digits"
    assert set(spec.root.dag.tasks) == {
        *("ImportExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator"),
        *("PixelTransform", "Trainer", "Evaluator", "ServingCheck", "Pusher"),
    }


def test_tasks_follow_one_another_as_their_artifacts_do(spec):
    tasks = spec.root.dag.tasks
    assert list(tasks["PixelTransform"].dependent_tasks) == ["ImportExampleGen"]
    assert "PixelTransform" in tasks["Trainer"].dependent_tasks
    produced = {
        one.task_output_artifact.output_artifact_key
        for one in tasks["Trainer"].inputs.artifacts.values()
        if one.task_output_artifact.producer_task == "PixelTransform"
    }
    assert produced == {"transformed_examples", "transform_graph"}


def test_the_quarantines_type_is_one_that_a_step_can_import(job):
    outputs = job["pipelineSpec"]["components"]["PixelTransform"]["outputDefinitions"]["artifacts"]
    schema = YAML(typ="safe").load(outputs["quarantine"]["artifactType"]["instanceSchema"])
    assert import_utils.import_class_by_path(schema["title"]) is Quarantine


def test_data_and_recipe_are_parameters_of_the_pipeline_and_reach_their_components(spec):
    assert set(spec.root.input_definitions.parameters) == {"data", "recipe"}
    for task, name, parameter in (
        ("ImportExampleGen", "input_base", "data"),
        ("PixelTransform", "recipe", "recipe"),
    ):
        used = spec.root.dag.tasks[task].inputs.parameters[name]
        assert used.component_input_parameter == parameter


def test_every_step_runs_the_image_and_only_pixel_transform_runs_elsewhere(job):
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    containers = {name: one["container"] for name, one in executors.items()}
    assert {one["image"] for one in containers.values()} == {IMAGE}
    with_flags = [
        name for name, one in containers.items() if set(BEAM_ARGS) & set(one.get("args", []))
    ]
    assert with_flags == ["PixelTransform_executor"]
    arguments = containers["PixelTransform_executor"]["args"]
    assert set(BEAM_ARGS) <= set(arguments)
    path = arguments[arguments.index("--executor_class_path") + 1]
    assert path == "pixelbake.tfx.pixel_transform.executor.PixelTransformExecutor"
