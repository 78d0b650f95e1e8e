"""How a quarantined record is stored, and how it is read back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from glob import escape, glob
from typing import BinaryIO

import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from google.protobuf.message import DecodeError

from pixelbake.errors import RunError
from pixelbake.files import matching_files, open_bytes, read_text
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.intake.tfrecord import Record, read_tfrecord
from pixelbake.job.manifest import MANIFEST_FILE, QUARANTINE_DIR
from pixelbake.job.shards import ShardResult

__all__ = [
    "quarantine_example",
    "quarantine_files",
    "quarantined_in",
    "quarantined_records",
    "read_quarantine",
    "where_kept",
]

_TEXTS = ("file", "reason", "message")
_FEATURES = {"record", "index", "offset", *_TEXTS}


def quarantine_example(item: Quarantined) -> bytes:
    """Returns a serialised Example that holds the record's original bytes and what was wrong.

    Its features: `record` (bytes), `file`, `reason`, `message` (UTF-8), `index` and `offset`
    (int64).
    """
    features = {
        "record": tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.data])),
        "index": tf.train.Feature(int64_list=tf.train.Int64List(value=[item.index])),
        "offset": tf.train.Feature(int64_list=tf.train.Int64List(value=[item.offset])),
    }
    texts = {"file": item.file, "reason": item.reason.value, "message": item.message}
    for name, text in texts.items():
        features[name] = tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[text.encode("utf-8", "surrogateescape")])
        )
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString(deterministic=True))


def read_quarantine(run: str, split: str) -> Iterator[Quarantined]:
    """Yields what a run quarantined, in the order of the input.

    Args:
        run: The run's folder, `<output>.failed` of a run that failed, or the URI of a `Quarantine`
            artifact.
        split: The split's name.

    Yields:
        The records' original bytes, where they came from and why they were refused.

    Raises:
        RunError: A quarantine file is damaged itself.
    """
    for path in _files(run, split, "*.tfrecord"):
        # What the gate refuses is written before what fails in the batch around it.
        yield from sorted(quarantined_in(path), key=lambda item: item.index)


def quarantine_files(path: str) -> list[str]:
    """Returns the quarantine files that a path names; none if it names something else.

    Args:
        path: As for `read_quarantine`, or a folder of quarantine files, one of them, a pattern.

    Raises:
        InputError: It names nothing.
        OSError: A file can't be read.
    """
    found = _files(path, "*", "*.tfrecord")
    if not found and os.path.isdir(path):
        found = sorted(glob(f"{escape(path)}/*.tfrecord"))
    elif not found:
        found = matching_files([path])
    return found if found and _is_quarantine(found[0]) else []


def _is_quarantine(path: str) -> bool:
    with open_bytes(path) as file:
        first = next(iter(read_tfrecord(file, path)), None)
    if not isinstance(first, Record):
        return False
    try:
        return set(tf.train.Example.FromString(first.data).features.feature) == _FEATURES
    except DecodeError:
        return False


def quarantined_records(run: str, shard: ShardResult) -> set[int]:
    """Returns which records of one input file were quarantined, by their number in it.

    Args:
        run: As for `read_quarantine`.
        shard: The books of the file.

    Raises:
        RunError: Its quarantine file is damaged, or not there.
    """
    if not shard.quarantined:
        return set()
    name = f"{shard.output.rsplit('.', 1)[0]}.tfrecord"
    found = {
        item.index
        for path in _files(run, shard.split, name)
        for item in quarantined_in(path)
        if item.file == shard.input and not item.reason.is_file_fault
    }
    if len(found) != shard.quarantined:
        raise RunError(
            f"{run} holds {len(found)} quarantined records of {shard.input}; by its books there "
            f"are {shard.quarantined}."
        )
    return found


def where_kept(folder: str) -> str:
    """Returns, in words, where a failed run's quarantine is, and what its first record says.

    Args:
        folder: `<output>.failed`, or the quarantine itself.
    """
    told = f"The quarantine is kept in {folder}."
    paths = _files(folder, "*", "*.tfrecord")
    item = next((item for path in paths for item in quarantined_in(path)), None)
    if item is None:
        return told
    return f"{told} Its first record is {item.file}, record {item.index}: {item.message}."


def _files(run: str, split: str, name: str) -> list[str]:
    base = run.rstrip("/")
    manifest = read_text(f"{base}/{MANIFEST_FILE}")
    if manifest is not None:
        base = f"{base}/{json.loads(manifest).get('folder', '')}".rstrip("/")
    patterns = [f"{base}/{folder}Split-{split}/{name}" for folder in (f"{QUARANTINE_DIR}/", "")]
    found = FileSystems.match(patterns)
    return sorted(one.path for match in found for one in match.metadata_list)


def quarantined_in(path: str) -> Iterator[Quarantined]:
    """Yields what one quarantine file holds, in its order.

    Raises:
        RunError: It is damaged.
    """
    with open_bytes(path) as file:
        yield from _read_records(file, path)


def _read_records(file: BinaryIO, path: str) -> Iterator[Quarantined]:
    for record in read_tfrecord(file, path):
        if not isinstance(record, Record):
            raise RunError(f"{path} is damaged: {record.message}.")
        features = tf.train.Example.FromString(record.data).features.feature
        text = {
            name: features[name].bytes_list.value[0].decode("utf-8", "surrogateescape")
            for name in _TEXTS
        }
        yield Quarantined(
            data=features["record"].bytes_list.value[0],
            file=text["file"],
            index=features["index"].int64_list.value[0],
            offset=features["offset"].int64_list.value[0],
            reason=Reason(text["reason"]),
            message=text["message"],
        )
