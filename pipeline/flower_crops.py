"""Crops of the two photographs, and how much of each is flower.

The flower is found by its colour: k-means with two colours over the whole photograph of it. There
is none in the photograph of the palace, though its roofs are red too. Crops to learn from and
held-out crops are cut from upright bands of the photographs that take turns, so that they share no
pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_images

__all__ = ["CROP_SIZE", "flower_crops", "write_flower_crops"]

CROP_SIZE = 48
CROPS = {"train": 400, "eval": 200}
SHARDS = {"train": 2, "eval": 1}
BAND = 64
JPEG_QUALITY = 90


def flower_crops(split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns crops, uint8 `[48, 48, 3]`, and where they are flower, bool `[48, 48]`."""
    palace, flower = load_sample_images().images
    pairs = ((palace, np.zeros(palace.shape[:2], bool)), (flower, _flower_pixels(flower)))
    random = np.random.default_rng(list(CROPS).index(split))
    crops = []
    for i in range(CROPS[split]):
        photo, is_flower = pairs[i % 2]
        height, width = is_flower.shape
        band = 2 * random.integers(0, width // BAND // 2) + (split == "eval")
        top = random.integers(0, height - CROP_SIZE + 1)
        left = band * BAND + random.integers(0, BAND - CROP_SIZE + 1)
        crop = (slice(top, top + CROP_SIZE), slice(left, left + CROP_SIZE))
        crops.append((photo[crop], is_flower[crop]))
    return crops


def write_flower_crops(folder: Path) -> None:
    """Writes the crops as `<folder>/<split>-SSSSS-of-NNNNN.tfrecord`.

    Each Example has `image`, a JPEG, and `flower`, the share of its pixels that are flower.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split, of in SHARDS.items():
        crops = flower_crops(split)
        for shard in range(of):
            path = folder / f"{split}-{shard:05d}-of-{of:05d}.tfrecord"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for crop, is_flower in crops[shard::of]:
                    writer.write(_example(crop, is_flower).SerializeToString())


def _example(crop: np.ndarray, is_flower: np.ndarray) -> tf.train.Example:
    image = tf.io.encode_jpeg(crop, quality=JPEG_QUALITY).numpy()
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "flower": tf.train.Feature(float_list=tf.train.FloatList(value=[is_flower.mean()])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


def _flower_pixels(photo: np.ndarray) -> np.ndarray:
    colors = photo.reshape(-1, 3).astype(np.float64)
    clusters = KMeans(2, n_init=1, random_state=0).fit(colors[::16])
    reddest = clusters.cluster_centers_[:, 0].argmax()
    return (clusters.predict(colors) == reddest).reshape(photo.shape[:2])
