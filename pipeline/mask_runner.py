"""Runs the mask pipeline on this machine, each time with the recipe that the run before wrote."""

from __future__ import annotations

from pathlib import Path

from ml_metadata.proto.metadata_store_pb2 import Artifact
from tfx.orchestration.metadata import Metadata, sqlite_metadata_connection_config

import pixelbake
from pipeline.local_runner import run_locally
from pipeline.mask_pipeline import PIPELINE_NAME, create_components
from pipeline.mask_trainer import NEXT_RECIPE

__all__ = ["run_next", "written_recipe"]

FIRST_RECIPE = Path(__file__).parent / "configs" / "flower.yaml"


def run_next(data: Path, root: Path, serving: Path, train_steps: int) -> None:
    """Runs the pipeline once.

    Args:
        data: Folder with `train-*.tfrecord` and `eval-*.tfrecord`.
        root: Folder for the artifacts and the metadata of all runs.
        serving: Folder that the model is pushed to, if it is better than the one before.
        train_steps: Number of batches to train on.
    """
    recipe = written_recipe(root) or pixelbake.recipe_from_yaml(FIRST_RECIPE)
    run_locally(create_components(data, recipe, serving, train_steps), root, PIPELINE_NAME)


def written_recipe(root: Path) -> pixelbake.Recipe | None:
    """Returns the recipe that the last trainer wrote for the next run, None if there was none."""
    metadata = root / "metadata.sqlite"
    if not metadata.exists():
        return None
    with Metadata(sqlite_metadata_connection_config(str(metadata))) as handle:
        runs = handle.store.get_artifacts_by_type("ModelRun")
    finished = [run for run in runs if run.state == Artifact.LIVE]
    if not finished:
        return None
    last = max(finished, key=lambda run: run.id)
    return pixelbake.Recipe.from_json((Path(last.uri) / NEXT_RECIPE).read_text())
