"""A whole job: plan, transform graph, Beam pipeline, books, manifest, publish."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import BadRecordsError, RunError
from pixelbake.files import read_text, write_bytes
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.config import JobConfig, Limits
from pixelbake.job.manifest import (
    EXAMPLES_DIR,
    MANIFEST_FILE,
    QUARANTINE_DIR,
    TRANSFORM_GRAPH_DIR,
    Manifest,
    SplitCounts,
    library_versions,
)
from pixelbake.job.pipeline import run_pipeline
from pixelbake.job.shards import ShardResult, ShardTask, plan_shards
from pixelbake.job.staging import staged
from pixelbake.job.transform_images import RunFolders, TransformImages
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph

__all__ = ["check_books", "make_manifest", "run_job", "transform_shards"]


def run_job(config: JobConfig, beam_args: Sequence[str] = (), *, resume: bool = False) -> Manifest:
    """Runs a job and puts the finished run in place, as a whole or not at all.

    Args:
        config: What to do.
        beam_args: Beam's own flags, such as `--runner=PortableRunner`. Without a runner the job
            runs in this process.
        resume: Whether to take up the finished shards of a run that was interrupted, if recipe,
            limits, library versions and input files are the same, and to keep this run's if it
            is interrupted. (Without it, an interrupted run leaves nothing behind.)

    Returns:
        The manifest of the published run.

    Raises:
        InputError: Input files are missing or unusable; nothing was written.
        OutputError: The output folder can't be used; nothing was written.
        TransformError: The recipe's graph fails on a good image; nothing was published.
        BadRecordsError: More was wrong with the data than `config.limits` allows; nothing was
            published, and the quarantine is kept in `<output>.failed`.
        RunError: The Beam pipeline failed; nothing was published.
    """
    tasks = plan_shards(config.input, allow_empty=config.limits.allow_damaged_files)
    with staged(config.output, keep=resume) as staging:
        plan = _plan(config, tasks)
        resumed = staging.begin(plan, resume)
        folders = RunFolders(
            transform_graph=str(staging.path / TRANSFORM_GRAPH_DIR),
            examples=str(staging.path / EXAMPLES_DIR),
            quarantine=str(staging.path / QUARANTINE_DIR),
            results=str(staging.path / "results"),
        )
        if not resumed:
            write_transform_graph(config.recipe, folders.transform_graph)
            staging.can_be_resumed(plan)
        results = transform_shards(config.recipe, tasks, folders, config.limits, beam_args)
        try:
            check_books(results, config.limits, config.expected_records)
        except BadRecordsError as error:
            kept = staging.keep_failed(QUARANTINE_DIR)
            raise BadRecordsError(f"{error} The quarantine is kept in {kept}.") from error
        shutil.rmtree(folders.results)
        manifest = make_manifest(config.recipe, tasks, results)
        text = manifest.model_dump_json(indent=1) + "\n"
        write_bytes(str(staging.path / MANIFEST_FILE), text.encode())
        staging.publish()
    return manifest


def transform_shards(
    recipe: Recipe,
    tasks: Sequence[ShardTask],
    folders: RunFolders,
    limits: Limits,
    beam_args: Sequence[str] = (),
) -> list[ShardResult]:
    """Runs the Beam pipeline over all shards.

    Args:
        recipe: What to do to the pixels; its transform graph is already written.
        tasks: The input files.
        folders: Where the parts of the run go.
        limits: How large records and images may be.
        beam_args: Beam's own flags.

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
    BatchTransform(
        folders.transform_graph, recipe.image_features, recipe.passthrough
    ).check_canary()
    results = {task: _finished(task, folders) for task in tasks}
    missing = [task for task, result in results.items() if result is None]
    if missing:

        def transform(pipeline: beam.Pipeline) -> None:
            _ = (
                pipeline
                | "Shards" >> beam.Create(list(missing), reshuffle=False)
                | "TransformImages" >> TransformImages(recipe, folders, limits)
            )

        run_pipeline(transform, beam_args)
    for task in missing:
        results[task] = result = _finished(task, folders)
        if result is None:
            raise RunError(f"{task.path}: the runner ended without having transformed this file.")
    return [result for result in results.values() if result is not None]


def _finished(task: ShardTask, folders: RunFolders) -> ShardResult | None:
    """Returns the books of a shard that has been transformed."""
    text = read_text(folders.result_path(task))
    return None if text is None else ShardResult.model_validate_json(text)


def _plan(config: JobConfig, tasks: Sequence[ShardTask]) -> str:
    """Returns everything that a shard's contents depend on, as text."""
    plan = {
        "recipe": config.recipe.hash,
        "limits": config.limits.model_dump(mode="json"),
        "versions": library_versions(),
        "inputs": [[task.split, task.path, task.size, task.modified] for task in tasks],
    }
    return json.dumps(plan, sort_keys=True)


def check_books(
    results: Sequence[ShardResult], limits: Limits, expected: Mapping[str, int] | None = None
) -> None:
    """Fails a run whose data was worse than its limits allow.

    Args:
        results: The books of every input file.
        limits: How much may be wrong.
        expected: How many records a split must have, by split name.

    Raises:
        BadRecordsError: Names the limit, the count and the most frequent reason.
        RunError: A file's records are neither all written nor all quarantined.
    """
    for result in results:
        if result.read != result.written + result.quarantined:
            raise RunError(
                f"{result.input}: {result.read} read, {result.written} written, "
                f"{result.quarantined} quarantined."
            )
    damaged = [(r.input, r.file_faults[0]) for r in results if r.file_faults]
    if damaged and not limits.allow_damaged_files:
        path, reason = damaged[0]
        raise BadRecordsError(
            f"{len(damaged)} input files are damaged so that records are lost; the first is {path} "
            f"({reason}). Restore them, or set limits.allow_damaged_files to go on without."
        )
    for split, count in (expected or {}).items():
        read = SplitCounts.of(r for r in results if r.split == split).read
        if read != count:
            raise BadRecordsError(
                f"split {split!r} has {read} records; expected_records says {count}. A file may "
                "have been cut between two records."
            )
    total = SplitCounts.of(results)
    if limits.max_bad_records is not None and total.quarantined > limits.max_bad_records:
        raise BadRecordsError(
            f"{total.quarantined} of {total.read} records were quarantined "
            f"({_most_frequent(total)}); limits.max_bad_records is {limits.max_bad_records}."
        )
    for split in dict.fromkeys(r.split for r in results):
        counts = SplitCounts.of(r for r in results if r.split == split)
        if counts.quarantined > limits.max_bad_fraction * counts.read:
            raise BadRecordsError(
                f"split {split!r}: {counts.quarantined} of {counts.read} records were quarantined "
                f"({_most_frequent(counts)}); limits.max_bad_fraction is "
                f"{limits.max_bad_fraction:g}."
            )


def make_manifest(
    recipe: Recipe, tasks: Sequence[ShardTask], results: Sequence[ShardResult]
) -> Manifest:
    """Puts together what a run read, did and wrote."""
    splits = list(dict.fromkeys(task.split for task in tasks))
    return Manifest(
        recipe=recipe,
        recipe_hash=recipe.hash,
        versions=library_versions(),
        inputs={s: {t.path: t.size for t in tasks if t.split == s} for s in splits},
        splits={s: SplitCounts.of(r for r in results if r.split == s) for s in splits},
        shards=tuple(results),
    )


def _most_frequent(counts: SplitCounts) -> str:
    return ", ".join(f"{n} {r}" for r, n in sorted(counts.reasons.items(), key=lambda p: -p[1])[:3])
