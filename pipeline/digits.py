"""The demo's images: 1,797 scans of handwritten digits, as PNG in TFRecords.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998; shipped with scikit-learn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

__all__ = ["IMAGE_SIZE", "digit_examples", "write_digits"]

#: The scans are 8 x 8 with 17 gray levels; they are stored enlarged, as a camera would see them.
IMAGE_SIZE = 32
SHARDS = {"train": 4, "eval": 2}


def digit_examples() -> dict[str, list[tf.train.Example]]:
    """Returns the scans by split, three quarters for training, each with `image` and `label`."""
    digits = load_digits()
    train, held_out = train_test_split(
        np.arange(len(digits.target)), test_size=0.25, stratify=digits.target, random_state=0
    )
    return {
        split: [_example(digits.images[i], int(digits.target[i])) for i in rows]
        for split, rows in (("train", train), ("eval", held_out))
    }


def write_digits(folder: Path) -> dict[str, int]:
    """Writes the scans as `<folder>/<split>-SSSSS-of-NNNNN.tfrecord`.

    Returns:
        The number of Examples, by split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for split, examples in digit_examples().items():
        of = SHARDS[split]
        for shard in range(of):
            path = folder / f"{split}-{shard:05d}-of-{of:05d}.tfrecord"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for example in examples[shard::of]:
                    writer.write(example.SerializeToString())
        counts[split] = len(examples)
    return counts


def _example(scan: np.ndarray, label: int) -> tf.train.Example:
    gray = np.round(scan / 16 * 255).astype(np.uint8)
    large = np.kron(gray, np.ones((IMAGE_SIZE // 8, IMAGE_SIZE // 8), np.uint8))
    png = tf.io.encode_png(large[..., None]).numpy()
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
        )
    )
