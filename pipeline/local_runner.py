"""Runs the pipeline on this machine, one component after the other."""

from __future__ import annotations

from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode

from pipeline.pipeline import create_pipeline

__all__ = ["run_locally"]


def run_locally(components: dict[str, BaseNode], root: Path) -> None:
    """Runs components to their end.

    Args:
        components: What `create_components` returns, and whatever was added to it. Runtime
            parameters take their default values.
        root: Folder for the artifacts, in `artifacts`, and the metadata, in `metadata.sqlite`.
    """
    root.mkdir(parents=True, exist_ok=True)
    pipeline = create_pipeline(components, root / "artifacts", root / "metadata.sqlite")
    tfx.orchestration.LocalDagRunner().run(pipeline)
