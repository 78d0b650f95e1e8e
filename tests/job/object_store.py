"""A file system of Beam's with an object store's rules, on this disk.

Keys are flat: there are no folders to make, rename or find. An object is there when its writing has
been closed, as a whole, and nothing but a whole object is ever replaced.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from urllib.parse import quote, unquote

from apache_beam.io.filesystem import (
    BeamIOError,
    CompressedFile,
    CompressionTypes,
    FileMetadata,
    FileSystem,
)

__all__ = ["ObjectStore"]


class ObjectStore(FileSystem):
    """Serves `objects://bucket/key`.

    Attributes:
        root: The folder in which each object is one file.
        operations: What was asked of it, in order: `("write", path)`, `("list", prefix)`, ...
    """

    root: Path
    operations: list[tuple[str, str]]

    @classmethod
    def empty(cls, root: Path) -> type[ObjectStore]:
        cls.root = root
        cls.operations = []
        return cls

    @classmethod
    def objects(cls) -> dict[str, bytes]:
        return {unquote(path.name): path.read_bytes() for path in cls._files()}

    @classmethod
    def _files(cls) -> list[Path]:
        return sorted(cls.root.glob("objects*"))  # and no upload that is not over

    @classmethod
    def put(cls, path: str, data: bytes) -> str:
        cls._file(path).write_bytes(data)
        return path

    @classmethod
    def _file(cls, path: str) -> Path:
        assert path.startswith("objects://"), path
        assert not path.endswith("/"), path
        return cls.root / quote(path, safe="")

    @classmethod
    def scheme(cls):
        return "objects"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *(path.strip("/") for path in paths)])

    def split(self, path):
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path):
        pass

    def has_dirs(self):
        return False

    def _list(self, dir_or_prefix):
        self.operations.append(("list", dir_or_prefix))
        for file in self._files():
            path = unquote(file.name)
            if path.startswith(dir_or_prefix):
                yield FileMetadata(path, file.stat().st_size, file.stat().st_mtime)

    def create(self, path, mime_type=None, compression_type=CompressionTypes.AUTO):
        self.operations.append(("write", path))
        return self._as(_Upload(self._file(path)), path, compression_type)

    def open(self, path, mime_type=None, compression_type=CompressionTypes.AUTO):
        self.operations.append(("read", path))
        return self._as(open(self._file(path), "rb"), path, compression_type)

    def _as(self, file, path, compression_type):
        kind = self._get_compression_type(path, compression_type)
        return file if kind == CompressionTypes.UNCOMPRESSED else CompressedFile(file, kind)

    def copy(self, source_file_names, destination_file_names):
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            with self.create(target, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                file.write(self._file(source).read_bytes())

    def rename(self, source_file_names, destination_file_names):
        self.copy(source_file_names, destination_file_names)
        self.delete(source_file_names)

    def exists(self, path):
        self.operations.append(("look", path))
        return self._file(path).exists()

    def metadata(self, path):
        stat = self._file(path).stat()
        return FileMetadata(path, stat.st_size, stat.st_mtime)

    def size(self, path):
        return self.metadata(path).size_in_bytes

    def last_updated(self, path):
        return self.metadata(path).last_updated_in_seconds

    def checksum(self, path):
        raise BeamIOError("no checksums")

    def delete(self, paths):
        for match in self.match(paths):
            for one in match.metadata_list:
                self.operations.append(("delete", one.path))
                self._file(one.path).unlink()


class _Upload(io.BytesIO):
    """Becomes an object, all at once, when it is closed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._target = file

    def close(self) -> None:
        if not self.closed:
            part = self._target.with_name(f"upload-{os.getpid()}-{id(self)}")
            part.write_bytes(self.getvalue())
            os.replace(part, self._target)
        super().close()
