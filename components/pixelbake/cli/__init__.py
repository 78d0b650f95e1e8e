"""The command line: a thin shell, one command a module."""

from pixelbake.cli.command_line import main

__all__ = ["main"]
