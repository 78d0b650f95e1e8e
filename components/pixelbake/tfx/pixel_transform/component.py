"""A TFX component that transforms images by a recipe."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts

from pixelbake.job.config import Limits
from pixelbake.recipe import Recipe
from pixelbake.tfx.artifacts import Quarantine
from pixelbake.tfx.pixel_transform.executor import PixelTransformExecutor
from pixelbake.tfx.pixel_transform.spec import PixelTransformSpec

__all__ = ["PixelTransform"]


class PixelTransform(BaseBeamComponent):
    """Transforms images by a recipe; stands where `Transform` stands.

    ```python
    transform = PixelTransform(examples=example_gen.outputs["examples"], recipe=recipe)
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        ...
    )
    ```

    Outputs:

    - `transform_graph`: `TransformGraph`, as `Transform` writes it, with the recipe beside it.
    - `transformed_examples`: `Examples`, every split of the input.
    - `quarantine`: the records that could not be transformed, with their original bytes.
    - `updated_analyzer_cache`: `TransformCache`, what layers were fitted on, file by file; empty
      where the recipe has no layers to be fitted.

    Args:
        examples: Channel of `Examples` (one or more artifacts of the same splits) that hold
            `tf.train.Example`s with an encoded image.
        recipe: What to do to the pixels; or its JSON (`Recipe.to_json`), which may be a
            `RuntimeParameter`.
        limits: How much may be wrong with the data before the component fails.
        fit_splits: The splits that the recipe's layers are fitted on, if it has layers to be
            fitted. Default: `train`, as in `Transform`.
        analyzer_cache: Channel of the `updated_analyzer_cache` of an earlier run. Files that it
            knows are not read again to fit the same layers.

    Raises:
        RecipeError: `recipe` is a string that is no recipe.
    """

    SPEC_CLASS = PixelTransformSpec
    EXECUTOR_SPEC = BeamExecutorSpec(PixelTransformExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        recipe: Recipe | str | RuntimeParameter,
        limits: Limits | None = None,
        fit_splits: Sequence[str] = ("train",),
        analyzer_cache: types.BaseChannel | None = None,
    ) -> None:
        if isinstance(recipe, str):
            recipe = Recipe.from_json(recipe)
        super().__init__(
            spec=PixelTransformSpec(
                examples=examples,
                recipe=recipe.to_json() if isinstance(recipe, Recipe) else recipe,
                limits=(limits or Limits()).model_dump_json(),
                fit_splits=json.dumps(list(fit_splits)),
                analyzer_cache=analyzer_cache,
                transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=types.Channel(type=standard_artifacts.Examples),
                quarantine=types.Channel(type=Quarantine),
                updated_analyzer_cache=types.Channel(type=standard_artifacts.TransformCache),
            )
        )
