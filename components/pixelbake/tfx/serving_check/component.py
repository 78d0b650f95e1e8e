"""A TFX component that holds a model against the data it was trained on."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts

from pixelbake.tfx.serving_check.executor import ServingCheckExecutor
from pixelbake.tfx.serving_check.spec import ServingCheckSpec

__all__ = ["ServingCheck"]


class ServingCheck(BaseComponent):
    """Blesses a model that does to raw records what PixelTransform did.

    ```python
    serving_check = ServingCheck(
        examples=example_gen.outputs["examples"],
        transformed_examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        quarantine=transform.outputs["quarantine"],
        model=trainer.outputs["model"],
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        infra_blessing=serving_check.outputs["blessing"],
        ...
    )
    ```

    It does what `pixelbake.verify_serving_model` does.

    Outputs:

    - `blessing`: `InfraBlessing`, as InfraValidator writes it, so that stock Pusher pushes nothing
      that skews. Beside its mark lie `verification.json`, the run's `report.html` with the
      verdict on it and, if there is skew, `skew.png`.

    Args:
        examples: Channel of the raw `Examples` that PixelTransform read.
        transformed_examples: What it made of them.
        transform_graph: The graph that it made them with.
        model: The model, exported by `pixelbake.export_serving_model`.
        quarantine: The records that PixelTransform refused; needed if there are any.
        sample: How many records to compare.
        allow_rounding: Whether pixels may differ as they do between processors and TensorFlow
            versions; for jobs that ran on other machines.

    Raises:
        ValueError: `sample` is below 1.
    """

    SPEC_CLASS = ServingCheckSpec
    EXECUTOR_SPEC = ExecutorClassSpec(ServingCheckExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transformed_examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        model: types.BaseChannel,
        quarantine: types.BaseChannel | None = None,
        sample: int = 64,
        allow_rounding: bool = False,
    ) -> None:
        if sample < 1:
            raise ValueError(f"sample must be at least 1. Received: sample={sample}.")
        super().__init__(
            spec=ServingCheckSpec(
                examples=examples,
                transformed_examples=transformed_examples,
                transform_graph=transform_graph,
                model=model,
                quarantine=quarantine,
                sample=sample,
                allow_rounding=int(allow_rounding),
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
