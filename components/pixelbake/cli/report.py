"""`pixelbake report`."""

from __future__ import annotations

import click

__all__ = ["report"]


@click.command
@click.argument("run", type=click.Path())
def report(run: str) -> None:
    """Write the report.html of RUN (a run's folder) anew.

    Every run has one, and `pixelbake verify` puts its verdict there; this is for runs of an older
    version.

    \b
    Example:
      pixelbake report runs/digits
    """
    from pixelbake.report import report_run

    click.echo(report_run(run))
