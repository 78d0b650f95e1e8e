"""Runs a pipeline on this machine, one component after the other."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode

from pipeline.pipeline import PIPELINE_NAME, create_pipeline

__all__ = ["run_locally", "show_components_only"]


def run_locally(components: dict[str, BaseNode], root: Path, name: str = PIPELINE_NAME) -> None:
    """Runs components to their end.

    Args:
        components: What `create_components` returns, and whatever was added to it. Runtime
            parameters take their default values.
        root: Folder for the artifacts, in `artifacts`, and the metadata, in `metadata.sqlite`.
            Further runs go beside those that are there, and find their artifacts.
        name: The pipeline's name.
    """
    root.mkdir(parents=True, exist_ok=True)
    pipeline = create_pipeline(components, root / "artifacts", root / "metadata.sqlite", name)
    tfx.orchestration.LocalDagRunner().run(pipeline)


def show_components_only() -> None:
    """Prints a line when a component starts, and hides the libraries' own log."""
    from absl import logging as absl_logging

    class Started(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found = re.fullmatch(r"Component (\w+) is running\.", record.getMessage())
            if found:
                print(f"  {found[1]}", flush=True)

    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_handler().setLevel(logging.ERROR)
    logging.getLogger("absl").addHandler(Started())
    logging.getLogger("absl").propagate = False
    logging.getLogger().setLevel(logging.ERROR)
