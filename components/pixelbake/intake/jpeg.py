"""Size and orientation from a JPEG's header, as tolerantly as libjpeg reads it."""

from __future__ import annotations

from pixelbake.intake.exif import exif_orientation

__all__ = ["jpeg_header"]

#: Markers without a length: TEM, RST0 to RST7, SOI.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
#: Start-of-frame markers: C0 to CF but DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1


def jpeg_header(data: bytes) -> tuple[int, int, int] | None:
    """Returns `(width, height, orientation)` of a JPEG, or None if its frame header says no size.

    Args:
        data: The file, from its first byte. Junk between segments is skipped, as libjpeg does.
    """
    at = 2
    orientation = 1
    end = len(data)
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            return None
        while at < end and data[at] == 0xFF:
            at += 1
        if at + 2 >= end:
            return None
        marker = data[at]
        at += 1
        if marker == 0 or marker in _BARE:
            continue
        if marker in (_SCAN, _END):
            return None
        length = data[at] << 8 | data[at + 1]
        if length < 2:
            return None
        if marker in _FRAMES:
            frame = data[at + 2 : at + 7]
            if len(frame) < 5:
                return None
            height, width = frame[1] << 8 | frame[2], frame[3] << 8 | frame[4]
            return (width, height, orientation) if width and height else None
        if marker == _APP1 and data.startswith(b"Exif\0\0", at + 2):
            orientation = exif_orientation(data[at + 8 : at + length])
        at += length
