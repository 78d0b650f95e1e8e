"""What goes in and what came out, one shard at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems
from pydantic import Field

from pixelbake.errors import InputError
from pixelbake.plain.parts import Part

__all__ = ["ShardResult", "ShardTask", "plan_shards"]


_SHARD = re.compile(r"(.*)-(\d+)-of-(\d+)(.*?)(?:\.gz)?")


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
        modified: When it was last changed, in seconds since 1970; 0 where the file system can't
            say.
    """

    split: str
    index: int
    of: int
    path: str
    size: int
    modified: float = field(default=0.0, compare=False)


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


def plan_shards(inputs: Mapping[str, Sequence[str]], allow_empty: bool = False) -> list[ShardTask]:
    """Expands each split's file patterns.

    Args:
        inputs: File patterns by split; any file system that Beam knows.
        allow_empty: Whether a file may have no bytes.

    Returns:
        A task per file, split by split, files in order of their names.

    Raises:
        InputError: A pattern matches nothing, a file is in two splits or has no bytes, or a set
            of files named `-SSSSS-of-NNNNN` that a pattern matches is not complete.
    """
    tasks = []
    owner: dict[str, str] = {}
    for split, patterns in inputs.items():
        files: dict[str, FileMetadata] = {}
        for pattern, match in zip(patterns, FileSystems.match(list(patterns)), strict=True):
            found = {one.path: one for one in match.metadata_list}
            if not found:
                raise InputError(
                    f"split {split!r}: no file matches {pattern!r}. Give a path or a pattern such "
                    "as data/train-*.tfrecord."
                )
            if any(sign in pattern for sign in "*?["):  # whoever names one shard means one shard
                check_complete(split, found)
            files.update(found)
        for path, one in files.items():
            if "://" not in path and os.path.isdir(path):
                raise InputError(
                    f"split {split!r}: {path} is a folder. Name its files, such as {path}/*."
                )
            if one.size_in_bytes == 0 and not allow_empty:
                raise InputError(
                    f"split {split!r}: {path} has no bytes, so its records may be lost. Restore "
                    "or remove it, or set limits.allow_damaged_files if it is right."
                )
        for path in files:
            real = path if "://" in path else os.path.realpath(path)
            if owner.setdefault(real, split) != split:
                raise InputError(
                    f"{path} is in split {owner[real]!r} and in split {split!r}: evaluation data "
                    "must not be trained on."
                )
        tasks += [
            ShardTask(
                split,
                i,
                len(files),
                path,
                files[path].size_in_bytes,
                files[path].last_updated_in_seconds or 0.0,
            )
            for i, path in enumerate(sorted(files))
        ]
    return tasks


def check_complete(split: str, paths: Iterable[str]) -> None:
    """Makes sure that no shard of a set `-SSSSS-of-NNNNN` is missing.

    Raises:
        InputError: Names the shards that are missing, or two sets of one name.
    """
    sets: dict[tuple[str, str], dict[int, list[int]]] = {}
    for path in paths:
        match = _SHARD.fullmatch(path)
        if match:
            stem, number, of, suffix = match.groups()
            by_count = sets.setdefault((stem, suffix), {})
            by_count.setdefault(int(of), []).append(int(number))
    for (stem, suffix), by_count in sets.items():
        if len(by_count) > 1:
            raise InputError(
                f"split {split!r}: {stem}-*{suffix} mixes sets of {sorted(by_count)} shards, as a "
                "rerun with another number of shards leaves them. Keep one."
            )
        ((of, numbers),) = by_count.items()
        twice = sorted({n for n in numbers if numbers.count(n) > 1})
        if twice:
            raise InputError(
                f"split {split!r}: shard {twice[0]:05d} of {stem}-*-of-{of:05d}{suffix} is there "
                "twice, plain and gzip. Keep one."
            )
        missing = sorted(set(range(of)) - set(numbers))
        if missing:
            shown = ", ".join(f"{n:05d}" for n in missing[:5]) + (", ..." if missing[5:] else "")
            raise InputError(
                f"split {split!r}: {len(missing)} of {of} shards {stem}-*-of-{of:05d}{suffix} are "
                f"missing: {shown}. Restore them, or name the shards to read one by one."
            )
