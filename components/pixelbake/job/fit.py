"""Fits a recipe's layers by a pass over the data."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import InputError, RunError
from pixelbake.files import read_bytes, write_bytes
from pixelbake.job.config import Limits
from pixelbake.job.count_shard import FILE_PREFIX, CountShard, LevelCount
from pixelbake.job.counters import count_planned
from pixelbake.job.manifest import FittedLayer, library_versions
from pixelbake.job.pipeline import run_pipeline
from pixelbake.job.portable_job import heartbeat_folder
from pixelbake.job.progress import OnProgress, watch
from pixelbake.job.record_gate import RecordGate
from pixelbake.job.shards import ShardTask, plan_shards
from pixelbake.level_counting import level_counting
from pixelbake.recipe import Recipe
from pixelbake.recipe.fitting import before, fit_layer, with_layer

__all__ = ["copy_counts", "fit_layers", "fit_recipe"]


def fit_recipe(
    recipe: Recipe,
    files: str | Sequence[str],
    *,
    limits: Limits | None = None,
    cache: str | None = None,
    beam_args: Sequence[str] = (),
) -> Recipe:
    """Fits a recipe's layers on data, without transforming any.

    `run_job` and `PixelTransform` do this by themselves; it is for whoever takes a recipe
    elsewhere, as to stock `Transform` by `make_preprocessing_fn`.

    Args:
        recipe: A recipe with layers that are not fitted.
        files: One or more patterns of TFRecord files, on any file system that Beam knows.
        limits: How large records and images may be.
        cache: A folder for the counts of each file, which are then not counted again.
        beam_args: Beam's own flags.

    Returns:
        The recipe with all its layers fitted.

    Raises:
        InputError: A pattern matches nothing, or files are missing or empty.
        RecipeError: A layer can't be fitted on these images.
        RunError: The pipeline failed.
    """
    tasks = plan_shards({"data": [files] if isinstance(files, str) else list(files)})
    with tempfile.TemporaryDirectory(prefix="pixelbake-fit-") as temporary:
        fitted, _ = fit_layers(
            recipe,
            tasks,
            cache or temporary,
            splits=["data"],
            limits=limits,
            beam_args=beam_args,
        )
    return fitted


def fit_layers(
    recipe: Recipe,
    tasks: Sequence[ShardTask],
    folder: str,
    *,
    splits: Sequence[str],
    limits: Limits | None = None,
    beam_args: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    progress: str = "",
) -> tuple[Recipe, tuple[FittedLayer, ...]]:
    """Fits, one after the other, every layer of a recipe that is not fitted.

    Each is fitted on the pixels that it will see, so that a recipe with two of them reads the data
    twice. Images are read behind the same gate as in the transforming pass; what can't be
    transformed does not count.

    Args:
        recipe: The recipe.
        tasks: The job's input files, of all splits.
        folder: Where the counts of each file go. What is there already, of the same file and the
            same layers, is not counted again.
        splits: The splits to fit on.
        limits: How large records and images may be.
        beam_args: Beam's own flags.
        on_progress: See `run_job`.
        progress: A local folder in which workers note how far they are; without it, `on_progress`
            goes by the runner's metrics.

    Returns:
        The recipe with its fitted layers, and what they were fitted on.

    Raises:
        InputError: There is no such split.
        RecipeError: A layer can't be fitted on these images.
        RunError: The pipeline failed.
    """
    if not recipe.unfitted:
        return recipe, ()
    known = list(dict.fromkeys(task.split for task in tasks))
    missing = [split for split in splits if split not in known]
    if missing or not splits:
        raise InputError(
            f"layers are fitted on splits that are there: {', '.join(known)}. Received: "
            f"{', '.join(splits) or 'none'}. Name them in fit.splits."
        )
    chosen = [task for task in tasks if task.split in splits]
    if not FileSystems.exists(folder):
        FileSystems.mkdirs(folder)
    fitted = []
    for index in recipe.unfitted:
        tell = on_progress and _fitting(recipe.layers[index].layer, on_progress)
        counted = _count(
            recipe, index, chosen, folder, limits or Limits(), beam_args, tell, progress
        )
        spec = fit_layer(recipe.layers[index], counted.levels)
        recipe = with_layer(recipe, index, spec)
        fitted.append(
            FittedLayer(
                index=index,
                layer=spec.layer,
                config=spec.config,
                splits=tuple(splits),
                images=counted.images,
                skipped=counted.skipped,
            )
        )
    return recipe, tuple(fitted)


def copy_counts(source: str, target: str) -> None:
    """Copies the counts of single files from one cache folder to another; totals are made anew."""
    (match,) = FileSystems.match([f"{source}/{FILE_PREFIX}*.npz"])
    paths = [one.path for one in match.metadata_list]
    if paths:
        if not FileSystems.exists(target):
            FileSystems.mkdirs(target)
        FileSystems.copy(paths, [f"{target}/{path.rsplit('/', 1)[1]}" for path in paths])


def _fitting(layer: str, tell: OnProgress) -> OnProgress:
    return lambda progress: tell(replace(progress, fitting=layer))


def _count(
    recipe: Recipe,
    index: int,
    tasks: Sequence[ShardTask],
    folder: str,
    limits: Limits,
    beam_args: Sequence[str],
    tell: OnProgress | None,
    progress: str,
) -> LevelCount:
    """Counts the levels that layer number `index` sees, file by file, and adds them up."""
    gate = RecordGate.of(recipe, limits.images)
    basis = {
        "layers": before(recipe, index).hash,
        "needed": {name: f.model_dump(mode="json") for name, f in recipe.passthrough.items()},
        "images": recipe.image_features,
        "limits": limits.model_dump(mode="json"),
        "versions": library_versions(),
    }
    counting = CountShard(level_counting(recipe, index), gate, folder, limits, basis)
    total = counting.total_of(tasks)

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Shards" >> beam.Create(list(tasks), reshuffle=False)
            | "CountPlanned" >> beam.Map(_planned)
            | "SpreadShards" >> beam.Reshuffle()
            | "CountLevels" >> beam.ParDo(counting)
            | "AddUp" >> beam.CombineGlobally(_sum).without_defaults()
            | "WriteTotal" >> beam.Map(lambda data: write_bytes(total, data))
        )

    if read_bytes(total) is None:
        with (
            heartbeat_folder(folder, beam_args) as at_work,
            watch(progress, tasks, tell if progress else None),
        ):
            counting.at_work = at_work
            counting.progress = progress if tell else ""
            run_pipeline(build, beam_args, at_work, None if progress else tell)
    data = read_bytes(total)
    if data is None:
        raise RunError(f"{total} does not exist: the runner ended without having counted anything.")
    return LevelCount.from_bytes(data)


def _planned(task: ShardTask) -> ShardTask:
    count_planned(task.size)
    return task


def _sum(parts: Iterable[bytes]) -> bytes:
    total: LevelCount | None = None
    for data in parts:
        part = LevelCount.from_bytes(data)
        total = part if total is None else total + part
    assert total is not None  # a combine of nothing is never asked for, without defaults
    return total.to_bytes()
