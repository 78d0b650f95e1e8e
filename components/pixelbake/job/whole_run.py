"""A run that workers make by themselves, from file patterns to the manifest.

Whoever launches it need not see the input, nor stay until the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsList

from pixelbake.errors import BadRecordsError, OutputError, RunError
from pixelbake.files import delete_below, is_remote, read_text, write_bytes
from pixelbake.job.books import books_of, check_books, fingerprint_of, plan_text
from pixelbake.job.config import Limits
from pixelbake.job.counters import count_planned
from pixelbake.job.heartbeat import beating
from pixelbake.job.manifest import (
    EXAMPLES_DIR,
    MANIFEST_FILE,
    QUARANTINE_DIR,
    TRANSFORM_GRAPH_DIR,
    FittedLayer,
    Manifest,
)
from pixelbake.job.quarantine import where_kept
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import ShardResult, ShardTask, plan_shards
from pixelbake.job.transform_images import TransformImages
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import RECIPE_FILE

__all__ = ["MakeRun", "WholeRun", "check_remote_target"]


@dataclass(frozen=True)
class WholeRun:
    """What workers have to know; small, whatever the recipe's weights and the input are.

    Attributes:
        inputs: File patterns by split.
        output: The run's folder, where the manifest goes.
        folder: Where its files go, from there; the transform graph is already in it.
        recipe_key: See `JobConfig`.
        recipe_hash: The recipe's hash. (The recipe is read from beside the transform graph.)
        limits: How much may be wrong.
        expected: How many records each split must have, by split name.
        weights_hashes: See `Manifest`.
        fitted: See `Manifest`.
        at_work: See `RunFolders`.
    """

    inputs: Mapping[str, Sequence[str]]
    output: str
    folder: str
    recipe_key: str
    recipe_hash: str
    limits: Limits
    expected: Mapping[str, int] = field(default_factory=dict)
    weights_hashes: Mapping[str, str] = field(default_factory=dict)
    fitted: Sequence[FittedLayer] = ()
    at_work: str = ""

    @property
    def files(self) -> str:
        """The folder that holds all files but the manifest."""
        return f"{self.output}/{self.folder}".rstrip("/")

    @property
    def folders(self) -> RunFolders:
        """Where each kind of file goes."""
        return RunFolders(
            transform_graph=f"{self.files}/{TRANSFORM_GRAPH_DIR}",
            examples=f"{self.files}/{EXAMPLES_DIR}",
            quarantine=f"{self.files}/{QUARANTINE_DIR}",
            results="",
            at_work=self.at_work,
        )


class MakeRun(beam.PTransform):
    """Expands the patterns, transforms every file, checks the books, writes the manifest last.

    `Pipeline` to a `PCollection` of one element, the run's folder.

    Args:
        run: Which run.
        recipe: What to do to the pixels.
    """

    def __init__(self, run: WholeRun, recipe: Recipe) -> None:
        super().__init__()
        self._run = run
        self._transform = TransformImages(recipe, run.folders, run.limits)

    def expand(self, pipeline: Any) -> Any:
        """Applies the steps; nothing is looked up on any file system yet."""
        tasks = (
            pipeline
            | "Patterns" >> beam.Create([self._run], reshuffle=False)
            | "PlanShards" >> beam.FlatMap(_plan).with_output_types(ShardTask)
        )
        results = tasks | "TransformImages" >> self._transform
        return (
            pipeline
            | "Run" >> beam.Create([self._run], reshuffle=False)
            | "WriteManifest" >> beam.Map(_finish, AsList(tasks), AsList(results))
        )


def check_remote_target(output: str) -> Manifest | None:
    """Makes sure that a run could be published there.

    Returns:
        The manifest of the run that stands there, if one does.

    Raises:
        OutputError: Another program's manifest stands there.
    """
    text = read_text(f"{output}/{MANIFEST_FILE}")
    if text is None:
        return None
    try:
        return Manifest.model_construct(**_head(text))
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f"{output}/{MANIFEST_FILE} is not the manifest of a run of pixelbake and would be "
            "replaced. Name another folder."
        ) from error


def _plan(run: WholeRun) -> Iterator[ShardTask]:
    with beating(run.at_work):  # a pattern may match very many files
        if is_remote(run.output):
            check_remote_target(run.output)
        tasks = plan_shards(run.inputs, allow_empty=run.limits.allow_damaged_files)
    count_planned(sum(task.size for task in tasks))
    yield from tasks


def _finish(run: WholeRun, tasks: Iterable[ShardTask], results: Iterable[ShardResult]) -> str:
    """Publishes the run. May be tried more than once: it ends in the same files each time."""
    with beating(run.at_work):  # an old run may have very many files to be deleted
        return _publish(run, tasks, results)


def _publish(run: WholeRun, tasks: Iterable[ShardTask], results: Iterable[ShardResult]) -> str:
    order = {split: i for i, split in enumerate(run.inputs)}
    tasks = sorted(tasks, key=lambda task: (order[task.split], task.index))
    by_shard = {(result.split, result.index): result for result in results}
    lost = [task.path for task in tasks if (task.split, task.index) not in by_shard]
    if lost:
        raise RunError(f"{lost[0]}: the runner ended without having transformed this file.")
    in_order = [by_shard[task.split, task.index] for task in tasks]
    try:
        check_books(in_order, run.limits, run.expected)
    except BadRecordsError as error:
        if not is_remote(run.output):
            raise
        for part in (EXAMPLES_DIR, TRANSFORM_GRAPH_DIR):
            delete_below(f"{run.files}/{part}")
        kept = f"{run.files}/{QUARANTINE_DIR}"
        raise BadRecordsError(f"{error} {where_kept(str(kept))}") from error
    manifest = _manifest_text(run, tasks, in_order)
    old = check_remote_target(run.output) if is_remote(run.output) else None
    write_bytes(f"{run.output}/{MANIFEST_FILE}", manifest.encode())
    if old is not None and old.folder != run.folder:
        # All of it, its report too; of a run that was copied here it is not known what is its.
        own = (EXAMPLES_DIR, QUARANTINE_DIR, TRANSFORM_GRAPH_DIR)
        for part in ("",) if old.folder else own:
            delete_below(f"{old.files(run.output)}/{part}".rstrip("/"))
    return run.output


def _manifest_text(
    run: WholeRun, tasks: Sequence[ShardTask], results: Sequence[ShardResult]
) -> str:
    """Returns a `Manifest` as JSON; a worker can't make one of a recipe with layers of its user."""
    recipe = read_text(f"{run.folders.transform_graph}/{RECIPE_FILE}")
    if recipe is None:
        raise RunError(f"{run.folders.transform_graph} has no {RECIPE_FILE}.")
    plan = plan_text(run.recipe_key, run.limits, tasks)
    books = Manifest.model_construct(
        folder=run.folder,
        fingerprint=fingerprint_of(plan, run.expected),
        recipe_hash=run.recipe_hash,
        weights_hashes=dict(run.weights_hashes),
        fitted=tuple(run.fitted),
        **books_of(tasks, results),
    ).model_dump(mode="json", exclude={"recipe"})
    return json.dumps({**books, "recipe": json.loads(recipe)}, indent=1) + "\n"


def _head(text: str) -> dict[str, Any]:
    loaded = json.loads(text)
    if loaded["format"] != "pixelbake-run":
        raise ValueError(loaded["format"])
    return {"folder": loaded["folder"], "fingerprint": loaded["fingerprint"]}
