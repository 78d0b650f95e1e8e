"""Size and orientation from a PNG's chunks, and chunks that claim more than there is."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pixelbake.intake.exif import MAX_SEGMENTS, SEARCHED_BYTES, exif_orientation

__all__ = ["png_header", "png_overrun"]

#: libpng allocates what a chunk claims before it reads it. Small overruns cost nothing, and are
#: left to it: they are just files that were cut.
_OVERRUN_BYTES = 2**20
#: A PNG of 64 MiB written in pieces of 8 KiB has 8,192 chunks; a file made to stall us, millions.
_MAX_CHUNKS = 100_000


def png_header(data: bytes) -> tuple[int, int, int] | None:
    """Returns `(width, height, orientation)` of a PNG.

    None if its IHDR chunk says no size, or if there are too many chunks to look at.
    """
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        return None
    exif: bytes | None = None
    pixels_seen = False
    for number, (kind, at, length) in enumerate(_chunks(data)):
        if number == _MAX_CHUNKS:
            return None
        pixels_seen = pixels_seen or kind == b"IDAT"
        # The specification wants one, before the pixels.
        if kind == b"eXIf" and exif is None and not pixels_seen and number < MAX_SEGMENTS:
            exif = data[at : min(at + length, SEARCHED_BYTES)] if at <= SEARCHED_BYTES else b""
    return width, height, exif_orientation(exif or b"")


def png_overrun(data: bytes) -> int:
    """Returns the length of a chunk that claims much more than the file has, or 0."""
    for _, at, length in _chunks(data):
        if length > len(data) - at and length > _OVERRUN_BYTES:
            return length
    return 0


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields type, position of the contents and claimed length of each chunk."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length
