"""Files on any file system that Beam knows, object stores without folders among them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import BinaryIO, cast

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import InputError

__all__ = [
    "delete_below",
    "files_below",
    "is_remote",
    "local_copy",
    "matching_files",
    "open_bytes",
    "read_bytes",
    "read_text",
    "upload",
    "write_bytes",
]

_PLAIN = CompressionTypes.UNCOMPRESSED


def is_remote(path: str) -> bool:
    """Whether a path or a pattern names its file system, as `gs://bucket/file` does."""
    return "://" in path


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Returns the files that paths and patterns name, in their order.

    Args:
        patterns: Paths, or patterns with `*`, `?` or `[…]`, on any file system that Beam knows.

    Raises:
        InputError: A pattern matches nothing, or names a folder or a file system that Beam does
            not know here.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        if os.path.isdir(pattern):
            raise InputError(f"{pattern} is a folder. Name its files, such as {pattern}/*.")
        paths = _matching(pattern)
        if not paths:
            raise InputError(f"no file matches {pattern!r}.")
        found.update(dict.fromkeys(sorted(paths)))
    return list(found)


def _matching(pattern: str) -> list[str]:
    if os.path.isfile(pattern):  # whatever signs are in its name
        return [pattern]
    if not is_remote(pattern):  # of these Beam finds none in the current folder
        return [path for path in glob(pattern) if os.path.isfile(path)]
    try:
        (match,) = FileSystems.match([pattern])
    except (OSError, ValueError) as error:
        raise InputError(f"{pattern} can't be looked up: {error}") from error
    return [one.path for one in match.metadata_list]


def read_bytes(path: str) -> bytes | None:
    """Returns the contents of a file, or None if there is no such file."""
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path, compression_type=_PLAIN) as file:
        return bytes(file.read())


def open_bytes(path: str) -> BinaryIO:
    """Opens a file's own bytes for reading, not decompressed.

    Raises:
        OSError: The file can't be read. (Beam's own error is one.)
    """
    return cast("BinaryIO", FileSystems.open(path, compression_type=_PLAIN))


def read_text(path: str) -> str | None:
    """Returns the text of a UTF-8 file, or None if there is no such file."""
    data = read_bytes(path)
    return None if data is None else data.decode()


def write_bytes(path: str, data: bytes) -> None:
    """Writes a file in one go, replacing an old one.

    A reader sees the old file or the new one, never a part: on a local disk the bytes go to a name
    of their own first; an object store's writes are like that by themselves.
    """
    part = path if is_remote(path) else f"{path}.part"
    with FileSystems.create(part, compression_type=_PLAIN) as file:
        file.write(data)
    if part != path:
        FileSystems.rename([part], [path])


def upload(folder: str, target: str) -> None:
    """Copies all files of a local folder to below `target`."""
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            with (
                open(path, "rb") as source,
                FileSystems.create(
                    f"{target}/{path.relative_to(folder).as_posix()}", compression_type=_PLAIN
                ) as copy,
            ):
                shutil.copyfileobj(source, copy)


@contextmanager
def local_copy(folder: str) -> Iterator[str]:
    """Gives a folder that TensorFlow can open, which knows fewer file systems than Beam.

    Args:
        folder: A folder on any file system.

    Yields:
        The folder itself if it is local; else a copy that is removed afterwards.
    """
    if not is_remote(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="pixelbake-") as copy:
        for path in files_below(folder):
            target = os.path.join(copy, path[len(folder) :].lstrip("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with (
                FileSystems.open(path, compression_type=_PLAIN) as source,
                open(target, "wb") as file,
            ):
                shutil.copyfileobj(source, file)
        yield copy


def files_below(folder: str) -> list[str]:
    """Returns the paths of all files below a folder of a remote file system."""
    (found,) = FileSystems.match([f"{folder}/**"])
    return sorted(one.path for one in found.metadata_list)


def delete_below(folder: str) -> None:
    """Deletes all files below a folder; there may be none."""
    if not is_remote(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    paths = files_below(folder)
    if paths:
        FileSystems.delete(paths)
