"""The pipeline that is run night by night: each run may give the next one a mask to apply.

The trainer learns a mask and writes the recipe for the next run, with the mask's weights in it.
That run's PixelTransform applies the mask to all images, its trainer trains anew on what is left
of them, and Evaluator blesses the new model only if its error on held-out images is less than that
of the model before, which was trained without the mask.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.pipeline import check_and_push, import_examples, train_on
from pixelbake import Recipe
from pixelbake.tfx import PixelTransform

__all__ = ["MAX_ERROR", "PIPELINE_NAME", "create_components"]

PIPELINE_NAME = "learned-mask"

#: With a greater mean absolute error on held-out crops, Evaluator blesses no model.
MAX_ERROR = 0.2


def create_components(
    data: Path, recipe: Recipe, serving: Path, train_steps: int
) -> dict[str, BaseNode]:
    """Wires the components, from ExampleGen to Pusher.

    Args:
        data: Folder with `train-*.tfrecord` and `eval-*.tfrecord`.
        recipe: What to do to the pixels: the first run's is `configs/flower.yaml`, every other's
            is the one that the run before wrote.
        serving: Folder that the model is pushed to.
        train_steps: Number of batches to train on.

    Returns:
        The components by name, in order.
    """
    example_gen = import_examples(data)
    transform = PixelTransform(examples=example_gen.outputs["examples"], recipe=recipe)
    trainer = train_on(transform, "pipeline.mask_trainer.run_fn", train_steps)
    before = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=Model),
        model_blessing=tfx.dsl.Channel(type=ModelBlessing),
    ).with_id("model_before")
    # Both models get the raw crops: each has the recipe of its own run inside.
    evaluator = tfx.components.Evaluator(
        examples=example_gen.outputs["examples"],
        example_splits=["eval"],
        model=trainer.outputs["model"],
        baseline_model=before.outputs["model"],
        eval_config=_eval_config(),
    )
    serving_check, pusher = check_and_push(example_gen, transform, trainer, evaluator, serving)
    return {
        "example_gen": example_gen,
        "transform": transform,
        "trainer": trainer,
        "model_before": before,
        "evaluator": evaluator,
        "serving_check": serving_check,
        "pusher": pusher,
    }


def _eval_config() -> tfma.EvalConfig:
    error = tfma.MetricConfig(
        class_name="MeanAbsoluteError",
        threshold=tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(upper_bound={"value": MAX_ERROR}),
            # In the first run there is no model before, and TFX leaves this out.
            change_threshold=tfma.GenericChangeThreshold(
                direction=tfma.MetricDirection.LOWER_IS_BETTER, absolute={"value": -1e-6}
            ),
        ),
    )
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="serving_default", label_key="flower")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=[error])],
    )
