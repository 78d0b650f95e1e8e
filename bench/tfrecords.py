"""Plain reading and writing of the benchmark's Examples, as a script would do it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

__all__ = ["FEATURES", "batches_of_files", "example", "write_examples"]

BATCH = 64

FEATURES = {
    "image": tf.io.FixedLenFeature((), tf.string),
    "id": tf.io.FixedLenFeature((), tf.int64),
}


def batches_of_files(files: Iterable[Path]) -> Iterator[tuple[Any, Any]]:
    """Yields batches of encoded images and their ids, read ahead."""
    records = tf.data.TFRecordDataset([str(file) for file in files]).batch(BATCH)
    parsed = records.map(lambda batch: tf.io.parse_example(batch, FEATURES))
    for batch in parsed.prefetch(2):
        yield batch["image"], batch["id"].numpy()


def example(image: bytes, number: int) -> bytes:
    """Returns one serialised Example."""
    made = tf.train.Example()
    made.features.feature["image"].bytes_list.value.append(image)
    made.features.feature["id"].int64_list.value.append(number)
    return bytes(made.SerializeToString())


def write_examples(writer: Any, images: Iterable[bytes], ids: Iterable[Any]) -> None:
    """Writes one Example per image."""
    for image, number in zip(images, ids, strict=True):
        writer.write(example(image, int(number)))
