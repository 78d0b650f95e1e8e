"""Runs a Beam pipeline, and says in one line why it failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
)

from pixelbake import errors
from pixelbake.errors import ConfigError, PixelbakeError, RunError
from pixelbake.job.counters import watch_metrics
from pixelbake.job.interruption import raise_if_interrupted
from pixelbake.job.local_runner import LocalRunner
from pixelbake.job.portable_job import check_worker_timeout, is_portable, run_portable
from pixelbake.job.progress import OnProgress

__all__ = ["is_dry_run", "is_only_written_down", "run_pipeline", "runner_of"]

_ERROR_LINE = re.compile(r"[\w.]+(Error|Exception|Interrupt)\b.*")
_OUR_ERROR = re.compile(r"(?:pixelbake\.errors\.)?(\w+): (.*?)(?: \[while running .*)?")


def runner_of(beam_args: Sequence[str]) -> str:
    """Returns the runner that Beam's flags name; `"FnApiRunner"`, in this process, for none."""
    return str(PipelineOptions(list(beam_args)).view_as(StandardOptions).runner or "FnApiRunner")


def is_dry_run(beam_args: Sequence[str]) -> bool:
    """Whether Beam's flags have Dataflow's job made and thrown away (`--dry_run=True`)."""
    return bool(PipelineOptions(list(beam_args)).view_as(TestOptions).dry_run)


def is_only_written_down(beam_args: Sequence[str]) -> bool:
    """Whether the job is not run here: a dry run, or the launcher of a Dataflow template."""
    options = PipelineOptions(list(beam_args))
    return is_dry_run(beam_args) or bool(options.view_as(GoogleCloudOptions).template_location)


def run_pipeline(
    build: Callable[[beam.Pipeline], None],
    beam_args: Sequence[str] = (),
    at_work: str = "",
    on_progress: OnProgress | None = None,
) -> None:
    """Runs a pipeline to its end.

    Args:
        build: Applies its transforms to the pipeline that it is given.
        beam_args: Beam's own flags, such as `--runner=PortableRunner`. Without a runner the
            pipeline runs in this process.
        at_work: Where the workers of a portable runner beat; see `heartbeat_folder`.
        on_progress: Told what the workers have counted, every few seconds where the runner gathers
            it while a job runs, and at the end.

    Raises:
        ConfigError: Beam does not take its flags.
        RunError: The pipeline failed, or a worker process was lost before its work was done.
        PixelbakeError: A worker raised it; it has the worker's class and message.
    """
    check_worker_timeout(beam_args)
    options = PipelineOptions(list(beam_args))
    # Workers get all they need from installed modules; the launching script's globals are no
    # business of theirs, and Beam would pickle them by default.
    options.view_as(SetupOptions).save_main_session = False
    runner = options.view_as(StandardOptions).runner
    # DirectRunner of newer Beams first tries to download another engine; ask for this one by name.
    engine = LocalRunner() if runner in (None, "DirectRunner", "FnApiRunner") else None
    portable = is_portable(beam_args)
    try:
        pipeline = beam.Pipeline(engine, options=options)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"Beam does not take its flags: {error}") from error
    try:
        if portable:
            build(pipeline)
            run_portable(pipeline, at_work, on_progress)
            return
        with watch_metrics(lambda: getattr(pipeline, "result", None), on_progress), pipeline:
            build(pipeline)
    except Exception as error:
        raise_if_interrupted()
        if portable and isinstance(error, PixelbakeError):  # said here, not by a worker
            raise
        if engine is not None and engine.lost:
            raise RunError(
                f"{engine.lost} before its work was done (the kernel kills processes when memory "
                "runs out), so the run was given up. Finished files are not done again if it was "
                "started, and is started again, with --resume (in Python: resume=True)."
            ) from error
        raise _worker_error(error) from error
    except BaseException:
        if hasattr(pipeline, "result"):  # a cluster would go on without us
            pipeline.result.cancel()
        raise


def _worker_error(error: Exception) -> PixelbakeError:
    """Returns the worker's own error: Beam hands it on as the text of a whole trace."""
    lines = [line.strip() for line in str(error).splitlines()]
    named = [line for line in lines if _ERROR_LINE.match(line)]
    cause = named[-1] if named else f"{type(error).__name__}: {next(iter(lines), '')}"
    ours = _OUR_ERROR.fullmatch(cause)
    if ours and ours[1] in errors.__all__:
        kind: type[PixelbakeError] = getattr(errors, ours[1])
        return kind(ours[2])
    return RunError(f"the Beam pipeline failed: {cause}")
