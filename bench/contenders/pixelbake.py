"""f: pixelbake's job, as `pixelbake run` runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pixelbake
from bench.case import Case
from bench.contenders import Run
from bench.recipe import recipe_of

__all__ = ["make"]


def make(case: Case) -> Run:
    """Reads the recipe; the graph is traced in each run."""
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # as the command does, in cli/run.py
    recipe = recipe_of(case)

    def run(source: Path, out: Path) -> None:
        config = pixelbake.JobConfig(
            input={"train": str(source / "*")}, output=str(out), recipe=recipe
        )
        pixelbake.run_job(config)

    return run
