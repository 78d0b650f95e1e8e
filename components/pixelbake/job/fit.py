"""Fits a recipe's layers by a pass over the data."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import InputError, RunError
from pixelbake.files import open_bytes, read_bytes, write_bytes
from pixelbake.intake.tfrecord import Record, read_tfrecord
from pixelbake.job.batch_transform import DATA_ERRORS
from pixelbake.job.batching import batches_by_pixels
from pixelbake.job.config import Limits
from pixelbake.job.heartbeat import beating, raise_if_given_up
from pixelbake.job.interruption import die_with, raise_if_interrupted
from pixelbake.job.manifest import FittedLayer, library_versions
from pixelbake.job.pipeline import run_pipeline
from pixelbake.job.portable_job import heartbeat_folder
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.job.shards import ShardTask, plan_shards
from pixelbake.job.worker_threads import one_thread_an_op
from pixelbake.level_counting import LevelCounting, level_counting
from pixelbake.recipe import Recipe
from pixelbake.recipe.fitting import before, fit_layer, with_layer
from pixelbake.recipe.level_histogram import LevelHistogram

__all__ = ["copy_counts", "fit_layers", "fit_recipe"]

FILE_PREFIX = "file-"


@dataclass(frozen=True)
class _Counted:
    """What was counted over some records.

    Attributes:
        levels: The levels of the images that could be read.
        images: How many these are.
        skipped: Records that could not be used; the transforming pass quarantines them.
    """

    levels: LevelHistogram
    images: int = 0
    skipped: int = 0

    def __add__(self, other: _Counted) -> _Counted:
        return _Counted(
            self.levels + other.levels, self.images + other.images, self.skipped + other.skipped
        )

    def to_bytes(self) -> bytes:
        """Returns it as an `.npz` file without pickled objects."""
        file = io.BytesIO()
        books = np.array([self.images, self.skipped])
        np.savez_compressed(file, counts=self.levels.counts, books=books, white=self.levels.white)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> _Counted:
        """Reads what `to_bytes` made."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            levels = LevelHistogram(file["counts"], float(file["white"]))
            images, skipped = (int(n) for n in file["books"])
        return cls(levels, images, skipped)


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
        counted = _count(recipe, index, chosen, folder, limits or Limits(), beam_args)
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


def _count(
    recipe: Recipe,
    index: int,
    tasks: Sequence[ShardTask],
    folder: str,
    limits: Limits,
    beam_args: Sequence[str],
) -> _Counted:
    """Counts the levels that layer number `index` sees, file by file, and adds them up."""
    gate = RecordGate.of(recipe, limits.images)
    basis = {
        "layers": before(recipe, index).hash,
        "needed": {name: f.model_dump(mode="json") for name, f in recipe.passthrough.items()},
        "images": recipe.image_features,
        "limits": limits.model_dump(mode="json"),
        "versions": library_versions(),
    }
    counting = _CountShard(level_counting(recipe, index), gate, folder, limits, basis)
    total = f"{folder}/total-{_digest([counting.path_of(task) for task in tasks])}.npz"

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Shards" >> beam.Create(list(tasks), reshuffle=False)
            | "SpreadShards" >> beam.Reshuffle()
            | "CountLevels" >> beam.ParDo(counting)
            | "AddUp" >> beam.CombineGlobally(_sum).without_defaults()
            | "WriteTotal" >> beam.Map(lambda data: write_bytes(total, data))
        )

    if read_bytes(total) is None:
        with heartbeat_folder(folder, beam_args) as at_work:
            counting.at_work = at_work
            run_pipeline(build, beam_args, at_work)
    data = read_bytes(total)
    if data is None:
        raise RunError(f"{total} does not exist: the runner ended without having counted anything.")
    return _Counted.from_bytes(data)


def _sum(parts: Iterable[bytes]) -> bytes:
    total: _Counted | None = None
    for data in parts:
        part = _Counted.from_bytes(data)
        total = part if total is None else total + part
    assert total is not None  # a combine of nothing is never asked for, without defaults
    return total.to_bytes()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


class _CountShard(beam.DoFn):
    """Counts one shard at a time, or takes what was counted before."""

    def __init__(
        self,
        counting: LevelCounting,
        gate: RecordGate,
        folder: str,
        limits: Limits,
        basis: Mapping[str, Any],
    ) -> None:
        self.at_work = ""
        self._driver = os.getpid()
        self._counting = counting
        self._gate = gate
        self._folder = folder
        self._max_record_bytes = limits.max_record_bytes
        self._basis = dict(basis)
        self._count: Callable[[Sequence[tuple[bytes, ...]]], LevelHistogram] | None = None

    def path_of(self, task: ShardTask) -> str:
        """Returns where a file's counts go: another name for each thing that they depend on."""
        key = [self._basis, task.path, task.size, task.modified]
        return f"{self._folder}/{FILE_PREFIX}{_digest(key)}.npz"

    def setup(self) -> None:
        die_with(self._driver)
        one_thread_an_op(self._driver)
        with beating(self.at_work):
            self._count = self._counting.traced()

    def teardown(self) -> None:
        self._count = None

    def process(self, task: ShardTask) -> Iterator[bytes]:
        path = self.path_of(task)
        with beating(self.at_work):
            data = read_bytes(path)
            if data is None:
                data = self._counted(task).to_bytes()
                write_bytes(path, data)
        yield data

    def _counted(self, task: ShardTask) -> _Counted:
        total = _Counted(self._counting.nothing)
        refused = 0

        def admitted(file: Any) -> Iterator[Admitted]:
            nonlocal refused
            for item in read_tfrecord(file, task.path, max_record_bytes=self._max_record_bytes):
                checked = self._gate.check(item) if isinstance(item, Record) else item
                if isinstance(checked, Admitted):
                    yield checked
                else:
                    refused += not checked.reason.is_file_fault

        with open_bytes(task.path) as file:
            for batch in batches_by_pixels(admitted(file), lambda one: one.pixels):
                raise_if_interrupted()
                raise_if_given_up(self.at_work)
                total += self._of_batch(batch)
        return _Counted(total.levels, total.images, total.skipped + refused)

    def _of_batch(self, batch: Sequence[Admitted]) -> _Counted:
        """Counts a batch; one bad record costs only itself."""
        assert self._count is not None
        try:
            return _Counted(self._count([one.images for one in batch]), len(batch))
        except DATA_ERRORS:
            if len(batch) == 1:
                return _Counted(self._counting.nothing, skipped=1)
            parts = [self._of_batch([one]) for one in batch]
            return sum(parts[1:], parts[0])
