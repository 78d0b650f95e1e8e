"""Why a record, or the rest of a file, is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

__all__ = ["Quarantined", "Reason"]


class Reason(str, Enum):
    """Stable codes: they stand in manifests, counters and quarantine files.

    A *file fault* makes the rest of its file unreadable, so that an unknown number of records is
    lost with it; every other reason concerns one record and the next one is read as usual.
    """

    #: The record's bytes don't match their checksum. Its length does, so the next one is found.
    RECORD_CRC = "record_crc"
    #: The record is no serialised `tf.train.Example`.
    NOT_AN_EXAMPLE = "not_an_example"
    #: A feature that the recipe needs is not there.
    FEATURE_MISSING = "feature_missing"
    #: A feature holds another type than the recipe says.
    FEATURE_TYPE = "feature_type"
    #: A feature holds another number of values than the recipe says.
    FEATURE_COUNT = "feature_count"
    #: The image feature holds no bytes.
    IMAGE_EMPTY = "image_empty"
    #: The image is no JPEG or PNG.
    FORMAT_NOT_ALLOWED = "format_not_allowed"
    #: The image's header says no size.
    HEADER_INVALID = "header_invalid"
    #: The image decodes to more pixels than allowed.
    TOO_MANY_PIXELS = "too_many_pixels"
    #: The encoded image has more bytes than allowed.
    TOO_MANY_BYTES = "too_many_bytes"
    #: A PNG chunk says that it is longer than the file; its decoder would allocate all of it.
    PNG_CHUNK_OVERRUN = "png_chunk_overrun"
    #: TensorFlow can't decode the image.
    DECODE_FAILED = "decode_failed"
    #: A step after decoding can't take the image, such as a blur wider than it.
    TRANSFORM_FAILED = "transform_failed"

    #: File fault: a record's length doesn't match its checksum: no way to find the next record.
    LENGTH_CRC = "length_crc"
    #: File fault: a record says that it is longer than allowed.
    LENGTH_TOO_LARGE = "length_too_large"
    #: File fault: the file ends inside a record.
    FILE_TRUNCATED = "file_truncated"
    #: File fault: the gzip stream ends early, or its checksum is wrong.
    GZIP_DAMAGED = "gzip_damaged"
    #: File fault: the file has no bytes at all.
    FILE_EMPTY = "file_empty"

    @property
    def is_file_fault(self) -> bool:
        """Whether the rest of the file is lost."""
        return self in _FILE_FAULTS


_FILE_FAULTS = frozenset(
    {
        Reason.LENGTH_CRC,
        Reason.LENGTH_TOO_LARGE,
        Reason.FILE_TRUNCATED,
        Reason.GZIP_DAMAGED,
        Reason.FILE_EMPTY,
    }
)

_MAX_MESSAGE = 200


@dataclass(frozen=True)
class Quarantined:
    """A record, or the rest of a file, that was refused.

    Attributes:
        data: The record's original bytes; for a file fault the bytes from where reading stopped,
            at most 64 KiB of them.
        file: The file it came from.
        index: Its number in the file, from 0.
        offset: Where its framing starts: bytes from the start of the (unpacked) file.
        reason: Why it was refused.
        message: One line for people, printable ASCII, at most 200 characters. It never holds
            bytes of the record or values of its features.
    """

    data: bytes
    file: str
    index: int
    offset: int
    reason: Reason
    message: str

    def __post_init__(self) -> None:
        line = re.sub(r"[^ -~]+", " ", self.message).strip()
        object.__setattr__(self, "message", line[:_MAX_MESSAGE])
