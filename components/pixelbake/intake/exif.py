"""The orientation tag of EXIF data."""

from __future__ import annotations

import struct

__all__ = ["MAX_SEGMENTS", "ORIENTATION", "SEARCHED_BYTES", "SHORT", "exif_orientation"]

#: EXIF data stand at the start of a file; beyond this many bytes, or segments, none are looked for.
SEARCHED_BYTES = 2**18
MAX_SEGMENTS = 1_000

#: The tag, and the type that it must have.
ORIENTATION, SHORT = 0x0112, 3


def exif_orientation(tiff: bytes) -> int:
    """Returns the EXIF orientation, 1 to 8, or 1 where there is none or it makes no sense.

    Args:
        tiff: The TIFF structure that EXIF data is (EXIF 2.32, section 4.6.2), from its byte order
            mark on. Only its first directory is read.
    """
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 1
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == ORIENTATION:
            return value if kind == SHORT and 1 <= value <= 8 else 1
    return 1
