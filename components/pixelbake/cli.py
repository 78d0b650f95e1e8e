"""The command line."""

from __future__ import annotations

import logging
import os
import sys
import warnings

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
@click.option(
    "--resume",
    is_flag=True,
    help="Take up the finished shards of an interrupted run, and keep this one's if interrupted.",
)
@click.pass_context
def run(context: click.Context, job: str, beam_args: tuple[str, ...], resume: bool) -> None:
    """Transform the TFRecords that JOB (a YAML file) names.

    Whatever follows `--` goes to Beam.

    Example: pixelbake run digits.yaml -- --direct_running_mode=multi_processing
    """
    # TensorFlow would split each small operation over all cores, and lose more by it than it gains:
    # images are in work side by side anyway. To be set before it is imported; the pixels are equal.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    if not context.obj:
        _hush()
    from pixelbake.job import job_from_yaml, run_job
    from pixelbake.job.interruption import interruptible

    with interruptible():
        config = job_from_yaml(job)
        manifest = run_job(config, beam_args, resume=resume)
    for split, counts in manifest.splits.items():
        click.echo(
            f"{split}: {counts.read} read, {counts.written} written, "
            f"{counts.quarantined} quarantined"
        )
        for reason, count in counts.reasons.items():
            click.echo(f"  {reason}: {count}")
    click.echo(config.output)


def _hush() -> None:
    """Keeps the libraries' notes off the terminal; to be called before they are imported.

    Beam logs the whole trace of whatever ends a worker; what matters of it is in our message.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    logging.getLogger("apache_beam.options").setLevel(logging.WARNING)  # names mistyped flags
    logging.getLogger("absl").setLevel(logging.ERROR)


def main(args: list[str] | None = None) -> None:
    """Runs the command line and exits.

    0: done; 1: failed; 2: the user's mistake; 130 and 143: ended by SIGINT or SIGTERM.
    """
    debug = "--debug" in (sys.argv[1:] if args is None else args)
    try:
        code = _cli.main(args=args, prog_name="pixelbake", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except PixelbakeError as error:
        if debug:
            raise
        click.echo(f"pixelbake: {error}", err=True)
        code = 2 if isinstance(error, _USER_ERRORS) else 1
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"pixelbake: {type(error).__name__}: {error} (--debug shows the whole trace.)", err=True
        )
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    if code in (130, 143):
        click.echo("pixelbake: interrupted; nothing was published.", err=True)
        os._exit(code)  # Beam's threads would be waited for
    sys.exit(code or 0)
