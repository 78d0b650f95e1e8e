"""What goes in and what came out, one shard at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from apache_beam.io.filesystems import FileSystems
from pydantic import Field

from pixelbake.errors import InputError
from pixelbake.recipe.parts import Part

__all__ = ["ShardResult", "ShardTask", "plan_shards"]


@dataclass(frozen=True)
class ShardTask:
    """One input file, and so one output shard.

    One to one, so that no image ever passes through a shuffle, that a shard can be redone or
    resumed by itself, and that the books balance file by file.

    Attributes:
        split: The split it belongs to.
        index: Its number within the split, from 0.
        of: How many shards the split has.
        path: The input file.
        size: Its size in bytes.
    """

    split: str
    index: int
    of: int
    path: str
    size: int


class ShardResult(Part):
    """What became of one input file.

    Attributes:
        split: The split it belongs to.
        index: Its number within the split, from 0.
        input: The input file.
        output: The output shard's name within the split's folder.
        read: Records found in the input file.
        written: Records in the output shard.
        quarantined: Records in the quarantine shard. `read = written + quarantined`.
        reasons: How many records and faults were quarantined, by reason code.
        file_faults: Reason codes of damage that made the rest of the file unreadable.
        bytes_written: Size of the output shard.
    """

    split: str
    index: Annotated[int, Field(ge=0)]
    input: str
    output: str
    read: Annotated[int, Field(ge=0)]
    written: Annotated[int, Field(ge=0)]
    quarantined: Annotated[int, Field(ge=0)]
    reasons: dict[str, int] = Field(default_factory=dict)
    file_faults: tuple[str, ...] = Field(default=(), strict=False)
    bytes_written: Annotated[int, Field(ge=0)] = 0


def plan_shards(inputs: Mapping[str, Sequence[str]]) -> list[ShardTask]:
    """Expands each split's file patterns.

    Args:
        inputs: File patterns by split; any file system that Beam knows.

    Returns:
        A task per file, split by split, files in order of their names.

    Raises:
        InputError: A pattern matches nothing, or a file is in two splits.
    """
    tasks = []
    owner: dict[str, str] = {}
    for split, patterns in inputs.items():
        files: dict[str, int] = {}
        for pattern, match in zip(patterns, FileSystems.match(list(patterns)), strict=True):
            found = {m.path: m.size_in_bytes for m in match.metadata_list}
            if not found:
                raise InputError(
                    f"split {split!r}: no file matches {pattern!r}. Give a path or a pattern such "
                    "as data/train-*.tfrecord."
                )
            files.update(found)
        for path in files:
            if owner.setdefault(path, split) != split:
                raise InputError(
                    f"{path} is in split {owner[path]!r} and in split {split!r}: evaluation data "
                    "must not be trained on."
                )
        tasks += [
            ShardTask(split, i, len(files), path, files[path])
            for i, path in enumerate(sorted(files))
        ]
    return tasks
