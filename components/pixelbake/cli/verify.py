"""`pixelbake verify`."""

from __future__ import annotations

import click

__all__ = ["verify"]


@click.command
@click.argument("run", type=click.Path(), required=False)
@click.option(
    "--serving-model",
    required=True,
    type=click.Path(),
    help="The folder that export_serving_model wrote.",
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
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def verify(
    run: str | None,
    serving_model: str,
    sample: int,
    allow_rounding: bool,
    picture: str,
    as_json: bool,
) -> int:
    r"""Hold an exported model against what RUN made of the same raw records.

    Without RUN, only the export's golden Examples are run, on the machine that is to serve.
    Exits with 1 if there is skew.

    \b
    Examples:
      pixelbake verify runs/digits --serving-model serving/1
      pixelbake verify --serving-model serving/1
    """
    from pixelbake.verify import GoldenCheck, Verification, verify_golden, verify_serving_model

    found: GoldenCheck | Verification
    if run is None:
        found = verify_golden(serving_model, allow_rounding=allow_rounding)
    else:
        found = verify_serving_model(
            run, serving_model, sample=sample, allow_rounding=allow_rounding, picture=picture
        )
    click.echo(found.to_json() if as_json else str(found))
    return 0 if found.consistent else 1
