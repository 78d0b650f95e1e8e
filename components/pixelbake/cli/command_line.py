"""What all commands share: the group, the quiet, the exit codes."""

from __future__ import annotations

import json
import os
import sys

import click

from pixelbake.cli.export import export
from pixelbake.cli.init import init
from pixelbake.cli.inspect import inspect
from pixelbake.cli.preview import preview
from pixelbake.cli.quiet import quiet
from pixelbake.cli.report import report
from pixelbake.cli.run import run
from pixelbake.cli.verify import verify
from pixelbake.errors import (
    BusyError,
    ConfigError,
    InputError,
    NoRunError,
    OutputError,
    PixelbakeError,
    RecipeError,
)

__all__ = ["main"]

#: Exit codes: the user's own mistakes are told from failures of the run.
_USER_ERRORS = (ConfigError, InputError, NoRunError, OutputError, RecipeError)

#: BSD's EX_TEMPFAIL: nothing is wrong, try again later.
_BUSY = 75

#: In the order in which a user meets them.
_COMMANDS = (init, inspect, preview, run, report, verify, export)


class _InOrder(click.Group):
    """Lists commands as they were added, and takes `--debug` after a command too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        cmd.params.append(_debug_option())
        super().add_command(cmd, name)


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        help="Show the libraries' own notes, and the whole trace of an error.",
    )


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pixelbake", prog_name="pixelbake")
def _cli() -> None:
    """Describe pixel transforms once, as Keras layers; run them at scale; serve the same graph.

    Exit codes: 0 done, 1 failed, 2 your own mistake, 75 another job is writing the same run, 130
    and 143 interrupted.
    """


_cli.params.append(_debug_option())
for _command in _COMMANDS:
    _cli.add_command(_command)


def main(args: list[str] | None = None) -> None:
    """Runs the command line and exits.

    0: done; 1: failed; 2: the user's mistake; 75: another job is writing the same run; 130 and
    143: ended by SIGINT or SIGTERM.
    """
    args = sys.argv[1:] if args is None else args
    own = _own(args)
    debug = "--debug" in own
    with quiet(enabled=not debug):
        code = _run(args, debug)
        sys.stdout.flush()
        sys.stderr.flush()
        if code in (130, 143):
            click.echo("pixelbake: interrupted; nothing was published.", err=True)
            if "--json" in own:
                click.echo(json.dumps({"outcome": "interrupted"}))
                sys.stdout.flush()
            os._exit(code)  # Beam's threads would be waited for
    if not debug:  # TensorFlow complains while the interpreter takes it down
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(code)


def _own(args: list[str]) -> list[str]:
    """Returns what is ours: what follows `--` is Beam's."""
    return args[: args.index("--")] if "--" in args else args


def _run(args: list[str], debug: bool) -> int:
    try:
        code = _cli.main(args=args, prog_name="pixelbake", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        error.show()
        _tell_failure(args, error, error.format_message())
        return error.exit_code
    except PixelbakeError as error:
        if debug:
            raise
        click.echo(f"pixelbake: {error}", err=True)
        _tell_failure(args, error, str(error))
        if isinstance(error, BusyError):
            return _BUSY
        return 2 if isinstance(error, _USER_ERRORS) else 1
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"pixelbake: {type(error).__name__}: {error} (--debug shows the whole trace.)", err=True
        )
        _tell_failure(args, error, str(error))
        return 1
    return code if isinstance(code, int) else 0


def _tell_failure(args: list[str], error: Exception, message: str) -> None:
    """Prints a failure as JSON where that was asked for, whatever the end, for a watchman."""
    if "--json" in _own(args):
        failure = {"outcome": "failed", "error": type(error).__name__, "message": message}
        click.echo(json.dumps(failure))
