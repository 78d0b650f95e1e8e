"""The inputs, outputs and parameters of PixelTransform."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pixelbake.tfx.artifacts import Quarantine

__all__ = ["PixelTransformSpec"]


class PixelTransformSpec(ComponentSpec):
    """The inputs, outputs and parameters of PixelTransform."""

    PARAMETERS = {  # noqa: RUF012 (tfx.types.ComponentSpec declares it so)
        "recipe": ExecutionParameter(type=str),
        "limits": ExecutionParameter(type=str),
        "fit_splits": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "analyzer_cache": ChannelParameter(type=standard_artifacts.TransformCache, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "quarantine": ChannelParameter(type=Quarantine),
        "updated_analyzer_cache": ChannelParameter(type=standard_artifacts.TransformCache),
    }
