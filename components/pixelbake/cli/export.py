"""`pixelbake export`."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["export"]


@click.command
@click.argument("model", type=click.Path(dir_okay=False))
@click.argument("run", type=click.Path())
@click.argument("serving_model", type=click.Path(file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def export(model: str, run: str, serving_model: str, as_json: bool) -> None:
    """Bake RUN's transform graph into MODEL, a .keras file.

    MODEL takes the images that RUN holds; the SavedModel SERVING_MODEL takes encoded images as
    they come, and needs nothing but TensorFlow.

    \b
    Example:
      pixelbake export digits.keras runs/digits serving/1
    """
    from pixelbake.errors import InputError, OutputError
    from pixelbake.files import local_copy
    from pixelbake.job import read_manifest
    from pixelbake.recipe.keras_file import model_from_keras_file

    if Path(serving_model).exists() and any(Path(serving_model).iterdir()):
        raise OutputError(f"{serving_model} is not empty. Name another folder.")
    manifest = read_manifest(run)
    loaded = model_from_keras_file(model)
    from pixelbake.serving import export_serving_model

    with local_copy(manifest.transform_graph(run)) as graph:
        try:
            export_serving_model(loaded, graph, serving_model)
        except ValueError as error:
            raise InputError(f"{model}: {error}") from error
    outcome = {
        "output": serving_model,
        "outcome": "done",
        "recipe_hash": manifest.recipe_hash,
    }
    click.echo(json.dumps(outcome) if as_json else serving_model)
