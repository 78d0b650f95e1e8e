"""Reads and frames TFRecords so that no damage goes unnoticed.

A record is framed as a little-endian uint64 length, the masked CRC32C of these 8 bytes, the data,
and the masked CRC32C of the data. (Format and mask: TensorFlow, "TFRecord and tf.train.Example",
section "TFRecords format details".)
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import google_crc32c

from pixelbake.intake.reasons import Quarantined, Reason

__all__ = ["MAX_FAULT_BYTES", "MAX_RECORD_BYTES", "Record", "frame_record", "read_tfrecord"]

#: No image record comes near; a damaged length must not become an allocation.
MAX_RECORD_BYTES = 128 * 2**20
#: How much of the unreadable rest of a file is kept.
MAX_FAULT_BYTES = 64 * 2**10

_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_CHUNK = 2**20
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Record:
    """A record whose checksums are right.

    Attributes:
        data: Its bytes.
        file: The file it came from.
        index: Its number in the file, from 0.
        offset: Where its framing starts: bytes from the start of the (unpacked) file.
    """

    data: bytes
    file: str
    index: int
    offset: int

    def quarantined(self, reason: Reason, message: str) -> Quarantined:
        """Returns this record as refused."""
        return Quarantined(self.data, self.file, self.index, self.offset, reason, message)


def masked_crc(data: bytes) -> int:
    """Returns TFRecord's checksum: the CRC32C rotated right by 15 bits, plus 0xa282ead8."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame_record(data: bytes) -> bytes:
    """Returns a record with its length and checksums around it, ready to be written."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _CRC.pack(masked_crc(length)), data, _CRC.pack(masked_crc(data))))


def read_tfrecord(
    stream: BinaryIO, file: str, max_record_bytes: int = MAX_RECORD_BYTES
) -> Iterator[Record | Quarantined]:
    """Reads a TFRecord file, plain or gzip, whatever its name says.

    Args:
        stream: The file's own bytes, not decompressed.
        file: Its name, for the records and faults.
        max_record_bytes: Longer records are taken for damage.

    Yields:
        Every record whose checksums are right; a `Quarantined` for each record whose data
        checksum is wrong; and, last, one for the rest of the file if it can't be read. A file cut
        exactly between two records can't be told from a whole one unless it is gzip.
    """
    source = _open(stream)
    index = offset = 0

    def fault(reason: Reason, message: str, data: bytes) -> Quarantined:
        return Quarantined(data[:MAX_FAULT_BYTES], file, index, offset, reason, message)

    while True:
        header = source.read(_HEADER.size)
        if len(header) < _HEADER.size:
            if source.damage:
                yield fault(Reason.GZIP_DAMAGED, source.damage, header)
            elif header:
                message = f"the file ends inside a record's header, after {len(header)} bytes of it"
                yield fault(Reason.FILE_TRUNCATED, message, header)
            elif index == 0 and not source.seen:
                yield fault(Reason.FILE_EMPTY, "the file has no bytes", b"")
            return
        length, crc = _HEADER.unpack(header)
        if masked_crc(header[:8]) != crc:
            rest = header + source.read(MAX_FAULT_BYTES)
            message = "a record's length does not match its checksum, so the next can't be found"
            yield fault(Reason.LENGTH_CRC, message, rest)
            return
        if length > max_record_bytes:
            rest = header + source.read(MAX_FAULT_BYTES)
            message = f"a record claims {length} bytes; at most {max_record_bytes} are read"
            yield fault(Reason.LENGTH_TOO_LARGE, message, rest)
            return
        body = source.read(length + _CRC.size)
        if len(body) < length + _CRC.size:
            rest = header + body
            if source.damage:
                yield fault(Reason.GZIP_DAMAGED, source.damage, rest)
            else:
                message = f"the file ends inside a record, after {len(rest)} bytes of it"
                yield fault(Reason.FILE_TRUNCATED, message, rest)
            return
        data, (crc,) = body[:length], _CRC.unpack_from(body, length)
        offset_of_next = offset + _HEADER.size + len(body)
        del body  # not to be held while whoever reads this works on the record
        if masked_crc(data) == crc:
            yield Record(data, file, index, offset)
        else:
            yield fault_of_record(data, file, index, offset)
        index += 1
        offset = offset_of_next


def fault_of_record(data: bytes, file: str, index: int, offset: int) -> Quarantined:
    """Returns the refusal of a record whose data checksum is wrong."""
    message = "the record's data does not match its checksum"
    return Quarantined(data, file, index, offset, Reason.RECORD_CRC, message)


class _Source(Protocol):
    """Bytes in order. `damage` says why they ended early; `seen` whether there were any."""

    damage: str
    seen: bool

    def read(self, size: int) -> bytes:
        """Returns `size` bytes, fewer only at the end."""


def _open(stream: BinaryIO) -> _Source:
    plain = _Plain(stream)
    start = plain.read(_HEADER.size)
    plain.push_back(start)
    # A plain file may begin with gzip's magic number too: a first record of 35,615 bytes does.
    is_record = len(start) == _HEADER.size and masked_crc(start[:8]) == _CRC.unpack(start[8:])[0]
    return _Gzip(plain) if start.startswith(_GZIP_MAGIC) and not is_record else plain


class _Plain:
    """A buffered stream; a raw one may give fewer bytes than asked for at any time."""

    damage = ""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self.seen = False

    def push_back(self, data: bytes) -> None:
        self._buffer = data + self._buffer[self._at :]
        self._at = 0

    def read(self, size: int) -> bytes:
        end = self._at + size
        if end <= len(self._buffer):
            data = self._buffer[self._at : end]
            self._at = end
            return data
        parts = [self._buffer[self._at :]]
        missing = size - len(parts[0])
        self._buffer, self._at = b"", 0
        while missing > 0:
            chunk = self._stream.read(max(_CHUNK, min(missing, 16 * _CHUNK)))
            if not chunk:
                break
            self.seen = True
            parts.append(chunk[:missing])
            if len(chunk) > missing:
                self._buffer, self._at = chunk, missing
            missing -= len(parts[-1])
        return b"".join(parts)

    def read_some(self) -> bytes:
        """Returns what is buffered, or the next chunk; empty only at the end."""
        data = self._buffer[self._at :]
        self._buffer, self._at = b"", 0
        if not data:
            data = self._stream.read(_CHUNK)
            self.seen = self.seen or bool(data)
        return data


class _Gzip:
    """An unpacked gzip stream of one or more members; its end and checksums are verified."""

    def __init__(self, packed: _Plain) -> None:
        self._packed = packed
        self._inflate = zlib.decompressobj(wbits=31)
        self._buffer = bytearray()
        self._input = b""
        self._ended = False
        self.damage = ""
        self.seen = True

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size and not self._ended:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> None:
        if self._inflate.eof:
            if not self._next_member():
                self._ended = True
                return
        elif not self._input:
            self._input = self._packed.read_some()
            if not self._input:
                self.damage = "the gzip stream ends before its end mark"
                self._ended = True
                return
        before = self._inflate.copy()
        try:
            # The bound keeps a small file from inflating into all of memory at once.
            self._buffer += self._inflate.decompress(self._input, _CHUNK)
            self._input = self._inflate.unconsumed_tail
        except zlib.error as error:
            self.damage = f"the gzip stream is damaged: {error}"
            self._ended = True
            self._buffer += _until_damage(before, self._input)

    def _next_member(self) -> bool:
        """Finds the start of another member, beyond the zeros that a gzip file may end with."""
        rest = self._inflate.unused_data
        while not (rest := rest.lstrip(b"\0")):
            rest = self._packed.read_some()
            if not rest:
                return False
        self._input = rest
        self._inflate = zlib.decompressobj(wbits=31)
        return True


def _until_damage(inflate: Any, packed: bytes) -> bytes:
    """Returns what can be unpacked before the damage: zlib gives nothing of a call that fails."""
    unpacked = bytearray()
    try:
        for at in range(len(packed)):
            unpacked += inflate.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(unpacked)
