"""Where the parts of a run go while it is made."""

from __future__ import annotations

from dataclasses import dataclass

from pixelbake.job.shards import ShardTask

__all__ = ["RunFolders"]


@dataclass(frozen=True)
class RunFolders:
    """Where the parts of a run go while it is made; any file system that Beam knows.

    Attributes:
        transform_graph: The transform graph, already written.
        examples: Output shards, in a folder `Split-<name>` per split.
        quarantine: Quarantine shards, likewise; only where there is something to quarantine.
        results: A small JSON file per finished shard; `""` for none.
        as_gzip: Whether output shards are gzip files, as TFX's own components write them and many
            trainers expect. They are stored, not compressed: gzip takes longer than the blur and
            makes a PNG 0.1 % smaller.
        progress: A local folder in which workers note how far they are; `""` for none.
        at_work: A folder in which workers note that they are at work; `""` for none.
    """

    transform_graph: str
    examples: str
    quarantine: str
    results: str
    as_gzip: bool = False
    progress: str = ""
    at_work: str = ""

    def shard_name(self, task: ShardTask) -> str:
        """Returns the output shard's file name, the same in every attempt."""
        suffix = ".gz" if self.as_gzip else ".tfrecord"
        return f"transformed_examples-{task.index:05d}-of-{task.of:05d}{suffix}"

    def result_path(self, task: ShardTask) -> str:
        """Returns the path of a finished shard's `ShardResult`."""
        return f"{self.results}/{task.split}-{task.index:05d}-of-{task.of:05d}.json"
