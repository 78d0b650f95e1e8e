"""The Beam transform: TFRecord shards in, transformed TFRecord shards out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from pixelbake.files import local_copy
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.config import Limits
from pixelbake.job.heartbeat import beating
from pixelbake.job.interruption import die_with
from pixelbake.job.record_gate import RecordGate
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import ShardResult, ShardTask
from pixelbake.job.shards_in_work import ShardsInWork
from pixelbake.job.worker_threads import one_thread_an_op
from pixelbake.plain.parts import Resize
from pixelbake.recipe import Recipe

__all__ = ["TransformImages"]


class TransformImages(beam.PTransform):
    """Transforms TFRecord shards with a recipe's transform graph.

    `PCollection[ShardTask]` to `PCollection[ShardResult]`. The records themselves never pass
    through Beam: a shard is read, transformed and written in one place, in bounded memory.

    Args:
        recipe: What to do to the pixels.
        folders: Where to find the transform graph and put the shards.
        limits: How large records and images may be.
    """

    def __init__(self, recipe: Recipe, folders: RunFolders, limits: Limits | None = None) -> None:
        super().__init__()
        limits = limits or Limits()
        gate = RecordGate.of(recipe, limits.images)
        self._do_fn = _TransformShard(gate, folders, limits.max_record_bytes, recipe.resize)

    def expand(self, tasks: Any) -> Any:
        """Spreads the shards over the workers and transforms each."""
        return (
            tasks
            | "SpreadShards" >> beam.Reshuffle()
            | "TransformShard" >> beam.ParDo(self._do_fn).with_output_types(ShardResult)
        )


class _TransformShard(beam.DoFn):
    """Reads, transforms and writes a bundle's shards, one after another."""

    def __init__(
        self, gate: RecordGate, folders: RunFolders, max_record_bytes: int, resize: Resize | None
    ) -> None:
        self._driver = os.getpid()
        self._gate = gate
        self._folders = folders
        self._max_record_bytes = max_record_bytes
        self._resize = resize
        self._transform: BatchTransform | None = None
        self._work: ShardsInWork | None = None

    def setup(self) -> None:
        die_with(self._driver)
        one_thread_an_op(self._driver)
        with (
            beating(self._folders.at_work),
            local_copy(self._folders.transform_graph) as graph,
        ):
            self._transform = BatchTransform(
                graph, self._gate.image_features, self._gate.passthrough
            )
            self._transform.check_canary()

    def teardown(self) -> None:
        self._transform = None

    def start_bundle(self) -> None:
        assert self._transform is not None
        self._work = ShardsInWork(
            self._gate, self._transform, self._folders, self._max_record_bytes, self._resize
        )

    def process(self, task: ShardTask) -> Iterator[ShardResult]:
        assert self._work is not None
        yield from self._work.add(task)

    def finish_bundle(self) -> Iterator[Any]:
        assert self._work is not None
        for result in self._work.finish():
            yield GlobalWindows.windowed_value(result)
        self._work = None
