"""A whole job: plan, transform graph, Beam pipeline, books, manifest, publish."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import BadRecordsError, ConfigError, RunError
from pixelbake.files import local_copy, read_text, write_bytes
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.books import check_books, fingerprint_of, make_manifest, plan_text
from pixelbake.job.config import JobConfig, Limits
from pixelbake.job.expected import with_expected_records
from pixelbake.job.fit import fit_layers
from pixelbake.job.manifest import (
    EXAMPLES_DIR,
    MANIFEST_FILE,
    QUARANTINE_DIR,
    TRANSFORM_GRAPH_DIR,
    Manifest,
)
from pixelbake.job.pipeline import run_pipeline
from pixelbake.job.portable_job import heartbeat_folder
from pixelbake.job.progress import PROGRESS_DIR, OnProgress, watch
from pixelbake.job.quarantine import where_kept
from pixelbake.job.remote_run import is_remote_job, run_remote_job
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import ShardResult, ShardTask, plan_shards
from pixelbake.job.staging import staged
from pixelbake.job.transform_images import TransformImages
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import has_recipe, write_transform_graph

__all__ = ["run_job", "transform_shards"]


def run_job(
    config: JobConfig,
    beam_args: Sequence[str] = (),
    *,
    resume: bool = False,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Runs a job and puts the finished run in place, as a whole or not at all.

    Args:
        config: What to do.
        beam_args: Beam's own flags, such as `--runner=PortableRunner`. Without a runner the job
            runs in this process.
        resume: Whether to take up the finished shards of a run that was interrupted, if recipe,
            limits, library versions and input files are the same, and to keep this run's if it
            is interrupted. (Without it, an interrupted run leaves nothing behind.)
        on_progress: Called with a `Progress` twice a second, from a thread of its own, also while
            layers are fitted. Where input or output is remote, every five seconds, by the runner's
            metrics, if it has them before the job's end.

    Returns:
        The manifest of the published run.

    Raises:
        InputError: Input files are missing or unusable; nothing was written.
        OutputError: The output folder can't be used; nothing was written.
        BusyError: Another job is writing it at this moment; it was left alone.
        TransformError: The recipe's graph fails on a good image; nothing was published.
        BadRecordsError: More was wrong with the data than `config.limits` allows; nothing was
            published, and the quarantine is kept in `<output>.failed`.
        RunError: The Beam pipeline failed; nothing was published.
    """
    config = with_expected_records(config)
    if is_remote_job(config):
        if resume:
            raise ConfigError(
                "a run can be taken up only where input and output are local: on a cluster the "
                "runner itself retries what has failed. Leave out --resume."
            )
        manifest = run_remote_job(config, beam_args, on_progress)
        _report(config.output, config.output, {})
        return manifest
    tasks = plan_shards(config.input, allow_empty=config.limits.allow_damaged_files)
    with staged(config.output, keep=resume) as staging:
        plan = plan_text(config.recipe_key, config.limits, tasks)
        resumed = staging.begin(plan, resume)
        folders = RunFolders(
            transform_graph=str(staging.path / TRANSFORM_GRAPH_DIR),
            examples=str(staging.path / EXAMPLES_DIR),
            quarantine=str(staging.path / QUARANTINE_DIR),
            results=str(staging.path / "results"),
            progress=str(staging.path / PROGRESS_DIR) if on_progress else "",
        )
        staging.can_be_resumed(plan)
        counts = str(staging.path / "counts")
        clock = _Clock()
        recipe, fitted = fit_layers(
            config.recipe,
            tasks,
            config.fit.cache or counts,
            splits=config.fit.splits,
            limits=config.limits,
            beam_args=beam_args,
            on_progress=on_progress,
            progress=folders.progress,
        )
        clock.lap("fit layers")
        if not (resumed and has_recipe(folders.transform_graph)):
            shutil.rmtree(folders.transform_graph, ignore_errors=True)
            write_transform_graph(recipe, folders.transform_graph)
        clock.lap("trace graph")
        results = transform_shards(recipe, tasks, folders, config.limits, beam_args, on_progress)
        clock.lap("transform")
        try:
            check_books(results, config.limits, config.expected_records)
        except BadRecordsError as error:
            kept = staging.keep_failed(QUARANTINE_DIR)
            raise BadRecordsError(f"{error} {where_kept(str(kept))}") from error
        shutil.rmtree(folders.results)
        shutil.rmtree(counts, ignore_errors=True)
        fingerprint = fingerprint_of(plan, config.expected_records)
        manifest = make_manifest(recipe, tasks, results, fingerprint, fitted)
        text = manifest.model_dump_json(indent=1) + "\n"
        write_bytes(str(staging.path / MANIFEST_FILE), text.encode())
        _report(str(staging.path), config.output, clock.seconds)
        staging.publish()
    return manifest


def _report(run: str, name: str, seconds: dict[str, float]) -> None:
    from pixelbake.report import harmless, report_run  # and with it jinja2 and Pillow

    with harmless():
        report_run(run, name=name, seconds=seconds)


class _Clock:
    """How long each part of a run took, by name."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = now - self._since
        self._since = now


def transform_shards(
    recipe: Recipe,
    tasks: Sequence[ShardTask],
    folders: RunFolders,
    limits: Limits,
    beam_args: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> list[ShardResult]:
    """Runs the Beam pipeline over all shards.

    Args:
        recipe: What to do to the pixels; its transform graph is already written.
        tasks: The input files.
        folders: Where the parts of the run go.
        limits: How large records and images may be.
        beam_args: Beam's own flags.
        on_progress: See `run_job`; needs `folders.progress`.

    Returns:
        The books of every input file, in the order of `tasks`. Shards that `folders` already
        holds, from a run that was interrupted, are not transformed again.

    Raises:
        TransformError: The graph fails on a good image; nothing was read.
        RunError: The pipeline failed, or a shard has no books: the runner has lost it.
    """
    for folder in (folders.results, *(f"{folders.examples}/Split-{t.split}" for t in tasks)):
        if not FileSystems.exists(folder):
            FileSystems.mkdirs(folder)
    # Workers do this too; here a wrong recipe fails at once, and by its own error.
    with local_copy(folders.transform_graph) as graph:
        BatchTransform(graph, recipe.image_features, recipe.passthrough).check_canary()
    results = {task: _finished(task, folders) for task in tasks}
    missing = [task for task, result in results.items() if result is None]
    if missing:
        with (
            heartbeat_folder(folders.results, beam_args) as at_work,
            watch(folders.progress, missing, on_progress),
        ):
            watched = replace(folders, at_work=at_work)

            def transform(pipeline: beam.Pipeline) -> None:
                _ = (
                    pipeline
                    | "Shards" >> beam.Create(list(missing), reshuffle=False)
                    | "TransformImages" >> TransformImages(recipe, watched, limits)
                )

            run_pipeline(transform, beam_args, at_work)
    for task in missing:
        results[task] = result = _finished(task, folders)
        if result is None:
            raise RunError(f"{task.path}: the runner ended without having transformed this file.")
    return [result for result in results.values() if result is not None]


def _finished(task: ShardTask, folders: RunFolders) -> ShardResult | None:
    """Returns the books of a shard that has been transformed."""
    text = read_text(folders.result_path(task))
    return None if text is None else ShardResult.model_validate_json(text)
