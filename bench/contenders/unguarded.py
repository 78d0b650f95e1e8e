"""g: pixelbake's job with its guard taken out, to see what the guard costs.

Parts of the library are replaced in this process: checksums are not looked at, and records go to
the graph without a look at their image. Both are worse than a user should have; neither is an
option of the library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import tensorflow as tf

from bench.case import Case
from bench.contenders import Run, pixelbake
from pixelbake.intake.tfrecord import Record
from pixelbake.job import record_gate, shards_in_work

__all__ = ["make"]

_LENGTH = struct.Struct("<Q")
_PIXELS = 224 * 224


def make(case: Case) -> Run:
    """Takes the guard out, for good: this process runs nothing else."""
    for part, name in ((shards_in_work, "read_tfrecord"), (record_gate.RecordGate, "check")):
        if not hasattr(part, name):
            raise RuntimeError(f"pixelbake has no {part.__name__}.{name} any more to be replaced")
    shards_in_work.read_tfrecord = _read_plain
    record_gate.RecordGate.check = _admit
    return pixelbake.make(case)


def _read_plain(stream: BinaryIO, file: str, **_: Any) -> Iterator[Record]:
    """Reads records and skips their checksums."""
    index = offset = 0
    while header := stream.read(12):
        (length,) = _LENGTH.unpack_from(header)
        data = stream.read(length + 4)
        yield Record(data[:length], file, index, offset)
        index += 1
        offset += 12 + len(data)


def _admit(self: record_gate.RecordGate, record: Record) -> record_gate.Admitted:
    """Takes the image out of a record; its size is known, as a user without a gate knows it."""
    example = tf.train.Example.FromString(record.data)
    image = example.features.feature[self.image_features[0]].bytes_list.value[0]
    return record_gate.Admitted(record, example, (image,), _PIXELS)
