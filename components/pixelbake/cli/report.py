"""`pixelbake report`."""

from __future__ import annotations

import json

import click

__all__ = ["report"]


@click.command
@click.argument("run", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def report(run: str, as_json: bool) -> None:
    """Write the report.html of RUN (a run's folder) anew.

    Every run has one, and `pixelbake verify` puts its verdict there; this is for runs of an older
    version.

    \b
    Example:
      pixelbake report runs/digits
    """
    from pixelbake.report import report_run

    page = report_run(run)
    click.echo(json.dumps({"output": page, "outcome": "done"}) if as_json else page)
