"""The command line."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

import click

from pixelbake.errors import ConfigError, InputError, OutputError, PixelbakeError, RecipeError

__all__ = ["main"]

#: Exit codes: the user's own mistakes are told from failures of the run.
_USER_ERRORS = (ConfigError, InputError, OutputError, RecipeError)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pixelbake", prog_name="pixelbake")
@click.option("--debug", is_flag=True, help="Show the whole trace of an error.")
@click.pass_context
def _cli(context: click.Context, debug: bool) -> None:
    """Describe pixel transforms once, as Keras layers; run them at scale; serve the same graph."""
    context.obj = debug


@_cli.command(context_settings={"ignore_unknown_options": False})
@click.argument("job", type=click.Path(dir_okay=False))
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED)
def run(job: str, beam_args: tuple[str, ...]) -> None:
    """Transform the TFRecords that JOB (a YAML file) names.

    Whatever follows `--` goes to Beam.

    Example: pixelbake run digits.yaml -- --runner=DataflowRunner --project=p --region=r
    """
    from pixelbake.job import job_from_yaml, run_job

    config = job_from_yaml(job)
    manifest = run_job(config, beam_args)
    for split, counts in manifest.splits.items():
        click.echo(
            f"{split}: {counts.read} read, {counts.written} written, "
            f"{counts.quarantined} quarantined"
        )
        for reason, count in counts.reasons.items():
            click.echo(f"  {reason}: {count}")
    click.echo(config.output)


def main(args: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 failed, 2 the user's mistake."""
    signal.signal(signal.SIGTERM, _terminate)
    debug = "--debug" in (sys.argv[1:] if args is None else args)
    try:
        code = _cli.main(args=args, prog_name="pixelbake", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except PixelbakeError as error:
        if debug:
            raise
        click.echo(f"pixelbake: {error}", err=True)
        code = 2 if isinstance(error, _USER_ERRORS) else 1
    sys.exit(code or 0)


def _terminate(number: int, frame: FrameType | None) -> Any:
    raise SystemExit(128 + number)
