"""`pixelbake report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

__all__ = ["report"]


@click.command
@click.argument("run", type=click.Path())
@click.option(
    "--verification",
    type=click.Path(dir_okay=False),
    help="What `pixelbake verify --json` printed: its verdict is put on the page.",
)
def report(run: str, verification: str | None) -> None:
    r"""Write the report.html of RUN (a run's folder) anew.

    Every run has one; this is for runs of an older version, and for adding a verdict.

    \b
    Examples:
      pixelbake report runs/digits
      pixelbake verify runs/digits --serving-model serving/1 --json > verdict.json
      pixelbake report runs/digits --verification verdict.json
    """
    verdict = None if verification is None else _read(verification)
    from pixelbake.report import report_run

    click.echo(report_run(run, verification=verdict))


def _read(path: str) -> dict[str, Any]:
    from pixelbake.errors import InputError

    try:
        verdict = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not what `pixelbake verify --json` prints: {error}") from error
    if not isinstance(verdict, dict) or {"consistent", "serving_model"} - set(verdict):
        raise InputError(f"{path} is not what `pixelbake verify --json` prints.")
    return verdict
