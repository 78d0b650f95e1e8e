"""`pixelbake verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pixelbake.job import Manifest
    from pixelbake.verify import Verification

__all__ = ["verify"]


@click.command
@click.argument("run", type=click.Path(), required=False)
@click.option(
    "--serving-model",
    required=True,
    type=click.Path(),
    help="The folder that `pixelbake export` or export_serving_model wrote.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="How many records to compare; the same ones each time, spread over all shards.",
)
@click.option(
    "--allow-rounding",
    is_flag=True,
    help="Let pixels differ as they do between processors and TensorFlow versions.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False),
    default="skew.png",
    show_default=True,
    help="Where to write the picture of the worst record, if there is skew.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def verify(
    run: str | None,
    serving_model: str,
    sample: int,
    allow_rounding: bool,
    picture: str,
    as_json: bool,
) -> int:
    """Hold an exported model against RUN, on the same raw records.

    The verdict is kept in RUN, as verification.json, and shown by its report.html. Without RUN,
    only the export's golden Examples are run, on the machine that is to serve. Exits with 1 if
    there is skew.

    \b
    Examples:
      pixelbake verify runs/digits --serving-model serving/1
      pixelbake verify --serving-model serving/1
    """
    from pixelbake.job import read_manifest
    from pixelbake.verify import GoldenCheck, verify_golden, verify_serving_model

    found: GoldenCheck | Verification
    if run is None:
        found = verify_golden(serving_model, allow_rounding=allow_rounding)
    else:
        manifest = read_manifest(run)
        found = verify_serving_model(
            run, serving_model, sample=sample, allow_rounding=allow_rounding, picture=picture
        )
        _keep(run, manifest, found)
    click.echo(found.to_json() if as_json else str(found))
    return 0 if found.consistent else 1


def _keep(run: str, manifest: Manifest, found: Verification) -> None:
    """Leaves the verdict beside the run. It stands without that too: a run may be read-only."""
    from pixelbake.report import keep_verdict, report_run

    try:
        keep_verdict(run, manifest, found)
        report_run(run)
    except Exception as error:
        click.echo(f"pixelbake: the verdict is not in the run's report: {error}", err=True)
