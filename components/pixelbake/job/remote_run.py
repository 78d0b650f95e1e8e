"""Runs a job whose input or output is on a remote file system.

Nothing of the input is looked at here: a launcher need not reach it. An object store has no rename
of folders, so each run goes into a folder of its own below the output, and is published by writing
the manifest, which is one object and so old or new at any moment. Then the old run is removed.
"""

from __future__ import annotations

import itertools
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone

from pixelbake.errors import BadRecordsError, ConfigError, RunError
from pixelbake.files import delete_below, is_remote, upload
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.config import JobConfig
from pixelbake.job.fit import fit_layers
from pixelbake.job.manifest import QUARANTINE_DIR, FittedLayer, Manifest, read_manifest
from pixelbake.job.pipeline import is_dry_run, is_only_written_down, run_pipeline, runner_of
from pixelbake.job.portable_job import heartbeat_folder
from pixelbake.job.progress import OnProgress
from pixelbake.job.quarantine import where_kept
from pixelbake.job.shards import plan_shards
from pixelbake.job.staging import staged
from pixelbake.job.whole_run import MakeRun, WholeRun
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph

__all__ = ["is_remote_job", "run_remote_job", "write_job_down"]

RUNS_DIR = "runs"


def is_remote_job(config: JobConfig) -> bool:
    """Whether any of a job's files is on a file system that its path names."""
    return is_remote(config.output) or any(map(is_remote, _patterns(config)))


def run_remote_job(
    config: JobConfig, beam_args: Sequence[str] = (), on_progress: OnProgress | None = None
) -> Manifest:
    """Runs a job, and waits for its end; as `run_job`, which calls it.

    Raises:
        ConfigError: The flags only have the job written down, or the runner's workers can't see a
            local file.
    """
    if is_only_written_down(beam_args):
        raise ConfigError(
            "with --dry_run or --template_location the job is not run here. Use write_job_down."
        )
    if is_remote(config.output):
        run = _in_object_store(config)
        try:
            _launch(config, run, beam_args, on_progress)
        except BadRecordsError:
            raise
        except BaseException:
            delete_below(run.files)
            raise
        manifest = read_manifest(config.output)
        if manifest.folder != run.folder:
            raise RunError(f"{config.output}: another run was published there meanwhile.")
        return manifest
    with staged(config.output) as staging:
        staging.begin("", resume=False)
        run = _whole_run(config, str(staging.path), folder="")
        try:
            _launch(config, run, beam_args, on_progress)
        except BadRecordsError as error:
            kept = staging.keep_failed(QUARANTINE_DIR)
            raise BadRecordsError(f"{error} {where_kept(str(kept))}") from error
        manifest = read_manifest(str(staging.path))
        staging.publish()
    return manifest


def write_job_down(config: JobConfig, beam_args: Sequence[str]) -> None:
    """Makes a job for somebody else to run: `--template_location=…`, or nobody: `--dry_run=True`.

    Raises:
        ConfigError: The output is local, where nobody else could put it.
    """
    if not is_remote(config.output):
        raise ConfigError(
            "a job that is run elsewhere needs an output such as gs://bucket/run. Received: "
            f"{config.output}."
        )
    _launch(config, _in_object_store(config), beam_args)


def _in_object_store(config: JobConfig) -> WholeRun:
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    folder = f"{RUNS_DIR}/{now}-{uuid.uuid4().hex[:8]}"
    return _whole_run(config, config.output.rstrip("/"), folder)


def _whole_run(config: JobConfig, output: str, folder: str) -> WholeRun:
    return WholeRun(
        inputs=config.input,
        output=output,
        folder=folder,
        recipe_key=config.recipe_key,
        recipe_hash=config.recipe.hash,
        weights_hashes=config.recipe.weights_hashes,
        limits=config.limits,
        expected=config.expected_records,
    )


def _launch(
    config: JobConfig,
    run: WholeRun,
    beam_args: Sequence[str],
    on_progress: OnProgress | None = None,
) -> None:
    if runner_of(beam_args).rpartition(".")[2] == "DataflowRunner":
        local = [path for path in (config.output, *_patterns(config)) if not is_remote(path)]
        if local:
            raise ConfigError(
                f"DataflowRunner's workers can't see {local[0]}: name it as gs://bucket/path."
            )
    recipe, fitted = _fitted(config, run, beam_args, on_progress)
    weights = recipe.weights_hashes
    run = replace(run, recipe_hash=recipe.hash, weights_hashes=weights, fitted=fitted)
    with tempfile.TemporaryDirectory(prefix="pixelbake-") as temporary:
        graph = f"{temporary}/graph"
        write_transform_graph(recipe, graph)
        # Workers do this too; here a wrong recipe fails at once.
        BatchTransform(graph, recipe.image_features, recipe.passthrough).check_canary()
        if not is_dry_run(beam_args):
            upload(graph, run.folders.transform_graph)
    with heartbeat_folder(run.files, beam_args) as at_work:
        watched = replace(run, at_work=at_work)

        def build(pipeline: object) -> None:
            _apply(pipeline, watched, recipe)

        run_pipeline(build, beam_args, at_work, on_progress)


def _fitted(
    config: JobConfig,
    run: WholeRun,
    beam_args: Sequence[str],
    on_progress: OnProgress | None,
) -> tuple[Recipe, tuple[FittedLayer, ...]]:
    """Fits the recipe's layers by a job of its own; only then can the graph be made."""
    if not config.recipe.unfitted:
        return config.recipe, ()
    if is_only_written_down(beam_args):
        raise ConfigError(
            "the recipe has layers to be fitted on the data, and with --dry_run or "
            "--template_location no data is read. Fit it by pixelbake.fit_recipe first."
        )
    counts = f"{run.files}/counts"
    fitted = fit_layers(
        config.recipe,
        plan_shards(config.input, allow_empty=config.limits.allow_damaged_files),
        config.fit.cache or counts,
        splits=config.fit.splits,
        limits=config.limits,
        beam_args=beam_args,
        on_progress=on_progress,
    )
    delete_below(counts)
    return fitted


def _apply(pipeline: object, run: WholeRun, recipe: Recipe) -> None:
    _ = pipeline | "MakeRun" >> MakeRun(run, recipe)


def _patterns(config: JobConfig) -> list[str]:
    return list(itertools.chain.from_iterable(config.input.values()))
