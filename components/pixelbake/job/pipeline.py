"""Runs a Beam pipeline, and says in one line why it failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pixelbake.errors import ConfigError, RunError
from pixelbake.job.interruption import raise_if_interrupted

__all__ = ["run_pipeline"]

_ERROR_LINE = re.compile(r"[\w.]+(Error|Exception|Interrupt)\b.*")


def run_pipeline(build: Callable[[beam.Pipeline], None], beam_args: Sequence[str] = ()) -> None:
    """Runs a pipeline to its end.

    Args:
        build: Applies its transforms to the pipeline that it is given.
        beam_args: Beam's own flags, such as `--runner=PortableRunner`. Without a runner the
            pipeline runs in this process.

    Raises:
        ConfigError: Beam does not take its flags.
        RunError: The pipeline failed.
    """
    options = PipelineOptions(list(beam_args))
    runner = options.view_as(StandardOptions).runner
    # DirectRunner of newer Beams first tries to download another engine; ask for this one by name.
    engine = FnApiRunner() if runner in (None, "DirectRunner", "FnApiRunner") else None
    try:
        pipeline = beam.Pipeline(engine, options=options)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"Beam does not take its flags: {error}") from error
    try:
        with pipeline:
            build(pipeline)
    except Exception as error:
        raise_if_interrupted()
        raise RunError(f"the Beam pipeline failed: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """Returns the worker's own error: Beam hands it on as the text of a whole trace."""
    lines = [line.strip() for line in str(error).splitlines()]
    named = [line for line in lines if _ERROR_LINE.match(line)]
    return named[-1] if named else f"{type(error).__name__}: {next(iter(lines), '')}"
