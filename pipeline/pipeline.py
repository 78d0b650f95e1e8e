"""The pipeline: raw digit scans in, a pushed model out, with PixelTransform in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import example_gen_pb2

from pixelbake import Recipe
from pixelbake.tfx import PixelTransform, ServingCheck

__all__ = [
    "MIN_ACCURACY",
    "PIPELINE_NAME",
    "check_and_push",
    "create_components",
    "create_pipeline",
    "import_examples",
    "train_on",
]

PIPELINE_NAME = "digits"

#: Below this accuracy on held-out scans, Evaluator does not bless the model and nothing is pushed.
MIN_ACCURACY = 0.95


def create_components(
    data: Path | RuntimeParameter,
    recipe: Recipe | RuntimeParameter,
    serving: Path | str,
    train_steps: int,
    beam_args: Sequence[str] = (),
) -> dict[str, BaseNode]:
    """Wires the components, from ExampleGen to Pusher.

    Args:
        data: Folder with `train-*.tfrecord` and `eval-*.tfrecord`.
        recipe: What to do to the pixels; a parameter is its JSON.
        serving: Folder that the model is pushed to.
        train_steps: Number of batches to train on.
        beam_args: Beam's flags for PixelTransform alone: it works on all pixels, and may need a
            cluster where the others don't.

    Returns:
        The components by name, in order.
    """
    example_gen = import_examples(data)
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = PixelTransform(examples=example_gen.outputs["examples"], recipe=recipe)
    if beam_args:
        transform.with_beam_pipeline_args(beam_args)
    trainer = train_on(transform, "pipeline.trainer.run_fn", train_steps)
    # Evaluator reads the raw scans: it judges the model together with its baked-in transforms.
    evaluator = tfx.components.Evaluator(
        examples=example_gen.outputs["examples"],
        example_splits=["eval"],
        model=trainer.outputs["model"],
        eval_config=_eval_config(),
    )
    serving_check, pusher = check_and_push(example_gen, transform, trainer, evaluator, serving)
    return {
        "example_gen": example_gen,
        "statistics_gen": statistics_gen,
        "schema_gen": schema_gen,
        "example_validator": example_validator,
        "transform": transform,
        "trainer": trainer,
        "evaluator": evaluator,
        "serving_check": serving_check,
        "pusher": pusher,
    }


def import_examples(data: Path | RuntimeParameter) -> tfx.components.ImportExampleGen:
    """Returns the component that imports `train-*` and `eval-*` of a folder as two splits."""
    splits = [
        example_gen_pb2.Input.Split(name=split, pattern=f"{split}-*") for split in ("train", "eval")
    ]
    return tfx.components.ImportExampleGen(
        input_base=data if isinstance(data, RuntimeParameter) else str(data),
        input_config=example_gen_pb2.Input(splits=splits),
    )


def train_on(transform: PixelTransform, run_fn: str, train_steps: int) -> tfx.components.Trainer:
    """Returns the component that trains on what PixelTransform made of the split `train`."""
    return tfx.components.Trainer(
        run_fn=run_fn,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(splits=["train"], num_steps=train_steps),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
    )


def check_and_push(
    example_gen: BaseNode,
    transform: PixelTransform,
    trainer: tfx.components.Trainer,
    evaluator: tfx.components.Evaluator,
    serving: Path | str,
) -> tuple[ServingCheck, tfx.components.Pusher]:
    """Returns the components that let no model through which skews, or which Evaluator refuses."""
    serving_check = ServingCheck(
        examples=example_gen.outputs["examples"],
        transformed_examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        quarantine=transform.outputs["quarantine"],
        model=trainer.outputs["model"],
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_check.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(serving))
        ),
    )
    return serving_check, pusher


def create_pipeline(
    components: dict[str, BaseNode],
    root: Path | str,
    metadata: Path | None = None,
    name: str = PIPELINE_NAME,
) -> tfx.dsl.Pipeline:
    """Puts components into a pipeline.

    Args:
        components: What `create_components` returns, and whatever was added to it.
        root: Folder for the artifacts.
        metadata: SQLite file for the metadata, where the orchestrator keeps none itself.
        name: The pipeline's name.
    """
    return tfx.dsl.Pipeline(
        pipeline_name=name,
        pipeline_root=str(root),
        components=list(components.values()),
        metadata_connection_config=metadata
        and tfx.orchestration.metadata.sqlite_metadata_connection_config(str(metadata)),
    )


def _eval_config() -> tfma.EvalConfig:
    accuracy = tfma.MetricConfig(
        class_name="SparseCategoricalAccuracy",
        threshold=tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(lower_bound={"value": MIN_ACCURACY})
        ),
    )
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="serving_default", label_key="label")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[accuracy])],
    )
