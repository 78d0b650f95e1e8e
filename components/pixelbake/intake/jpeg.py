"""Size and orientation from a JPEG's header, as tolerantly as libjpeg reads it."""

from __future__ import annotations

import re

from pixelbake.intake.exif import MAX_SEGMENTS, SEARCHED_BYTES, exif_orientation

__all__ = ["APP1", "BARE", "END", "FRAMES", "SCAN", "jpeg_header"]

#: Markers without a length: TEM, RST0 to RST7, SOI.
BARE = frozenset({0x01, *range(0xD0, 0xD9)})
#: Start-of-frame markers: C0 to CF but DHT, JPG and DAC.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, END, APP1 = 0xDA, 0xD9, 0xE1
#: Before its frame, a photograph has some ten segments; a file made to stall us has millions.
_MAX_MARKERS = 100_000
_NOT_FILL = re.compile(rb"[^\xff]")


def jpeg_header(data: bytes) -> tuple[int, int, int] | None:
    """Returns `(width, height, orientation)` of a JPEG, or None if its frame header says no size.

    The orientation is that of the first EXIF segment, which must stand before the frame.

    Args:
        data: The file, from its first byte. Junk between segments is skipped, as libjpeg does.
    """
    at = 2
    exif: bytes | None = None
    for number in range(_MAX_MARKERS):
        at = data.find(b"\xff", at)
        found = _NOT_FILL.search(data, at) if at >= 0 else None
        if found is None or found.end() + 2 > len(data):
            return None
        at = found.end()
        marker = data[at - 1]
        if marker == 0 or marker in BARE:
            continue
        if marker in (SCAN, END):
            return None
        length = data[at] << 8 | data[at + 1]
        if marker in FRAMES:
            frame = data[at + 2 : at + 7]
            if length < 2 or len(frame) < 5:
                return None
            height, width = frame[1] << 8 | frame[2], frame[3] << 8 | frame[4]
            if not width or not height:
                return None
            return width, height, exif_orientation(exif or b"")
        is_exif = marker == APP1 and data.startswith(b"Exif\0\0", at + 2, SEARCHED_BYTES)
        if is_exif and exif is None and number < MAX_SEGMENTS:
            exif = data[at + 8 : min(at + length, SEARCHED_BYTES)]
        at += max(length, 2)  # libjpeg takes a segment shorter than its own length field as empty
    return None
