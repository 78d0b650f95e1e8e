"""The inputs, outputs and parameters of ServingCheck."""

from __future__ import annotations

from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pixelbake.tfx.artifacts import Quarantine

__all__ = ["ServingCheckSpec"]


class ServingCheckSpec(ComponentSpec):
    """The inputs, outputs and parameters of ServingCheck."""

    PARAMETERS = {  # noqa: RUF012 (tfx.types.ComponentSpec declares it so)
        "sample": ExecutionParameter(type=int),
        "allow_rounding": ExecutionParameter(type=int),  # TFX knows no bool
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transformed_examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "quarantine": ChannelParameter(type=Quarantine, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
    }
