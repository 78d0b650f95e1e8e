"""Small files on any file system that Beam knows."""

from __future__ import annotations

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

__all__ = ["read_text", "write_bytes"]


def read_text(path: str) -> str | None:
    """Returns the text of a UTF-8 file, or None if there is no such file."""
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return bytes(file.read()).decode()


def write_bytes(path: str, data: bytes) -> None:
    """Writes a file in one go, replacing an old one.

    The bytes go to a name of their own first: on a local disk a reader sees the old file or the
    new one, never a part. (An object store's writes are like that by themselves.)
    """
    part = f"{path}.part"
    with FileSystems.create(part, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.write(data)
    FileSystems.rename([part], [path])
