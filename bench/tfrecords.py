"""Plain reading and writing of the benchmark's Examples, as a script would do it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

__all__ = ["FEATURES", "batches_of_files", "example", "untuned", "write_examples"]

BATCH = 64

FEATURES = {
    "image": tf.io.FixedLenFeature((), tf.string),
    "id": tf.io.FixedLenFeature((), tf.int64),
}


def untuned() -> tf.data.Options:
    """Returns options without autotuning.

    Its thread looks again after 10 ms, 20 ms, 40 ms and so on, and a data set that has come to its
    end waits for the next look: a run of 6 seconds may take 10.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def batches_of_files(files: Iterable[Path]) -> Iterator[tuple[Any, Any]]:
    """Yields batches of encoded images and their ids, read ahead."""
    records = tf.data.TFRecordDataset([str(file) for file in files]).batch(BATCH)
    parsed = records.map(lambda batch: tf.io.parse_example(batch, FEATURES)).prefetch(2)
    for batch in parsed.with_options(untuned()):
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
