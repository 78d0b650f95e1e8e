"""How a quarantined record is stored, and how it is read back."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from pixelbake.intake.reasons import Quarantined, Reason

__all__ = ["quarantine_example", "read_quarantine"]


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
    """
    base = run.rstrip("/")
    patterns = [f"{base}/{folder}Split-{split}/*.tfrecord" for folder in ("quarantine/", "")]
    for path in sorted(tf.io.gfile.glob(patterns)):
        # What the gate refuses is written before what fails in the batch around it.
        yield from sorted(_read_shard(path), key=lambda item: item.index)


def _read_shard(path: str) -> Iterator[Quarantined]:
    for data in tf.data.TFRecordDataset(path).as_numpy_iterator():
        features = tf.train.Example.FromString(data).features.feature
        text = {
            name: features[name].bytes_list.value[0].decode("utf-8", "surrogateescape")
            for name in ("file", "reason", "message")
        }
        yield Quarantined(
            data=features["record"].bytes_list.value[0],
            file=text["file"],
            index=features["index"].int64_list.value[0],
            offset=features["offset"].int64_list.value[0],
            reason=Reason(text["reason"]),
            message=text["message"],
        )
