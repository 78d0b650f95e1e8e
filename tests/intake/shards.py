"""A small TFRecord file, and how the tests read damaged versions of it."""

from __future__ import annotations

import gzip
import io

from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import Record, frame_record, read_tfrecord
from tests.intake.encoded_images import PHOTOGRAPH, encode

RECORDS = [encode(PHOTOGRAPH, "JPEG", quality=q) for q in (30, 60, 90)] + [b"", b"\0" * 9]
PLAIN = b"".join(map(frame_record, RECORDS))
GZIP = gzip.compress(PLAIN)
#: Where each record starts, and where the last one ends.
OFFSETS = [sum(16 + len(r) for r in RECORDS[:n]) for n in range(len(RECORDS) + 1)]


class RawStream(io.RawIOBase):
    """Gives at most `most` bytes a read, as pipes and remote files do."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data, self._most = io.BytesIO(data), most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(self._most if size < 0 else min(size, self._most))


def read(data: bytes, **options) -> list[Record | Quarantined]:
    return list(read_tfrecord(io.BytesIO(data), "shard-0", **options))


def good(results: list[Record | Quarantined]) -> list[bytes]:
    return [r.data for r in results if isinstance(r, Record)]


def only_fault(results: list[Record | Quarantined]) -> Quarantined:
    (fault,) = (r for r in results if isinstance(r, Quarantined))
    return fault


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
