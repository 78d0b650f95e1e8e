"""The two photographs that scikit-learn ships, as JPEG crops in TFRecords.

china.jpg (author: Yang Liu) and flower.jpg (author: danielbuechele), both CC BY 2.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_sample_images

import pixelbake

__all__ = ["CROP_SIZE", "photo_crops", "transform_photos", "write_photos"]

RECIPE = Path(__file__).parent / "configs" / "photos.yaml"

CROP_SIZE = 224
JPEG_QUALITY = 90
SHARDS = 2


def photo_crops() -> Iterator[np.ndarray]:
    """Yields 30 overlapping crops, uint8 `[224, 224, 3]`."""
    for photo in load_sample_images().images:
        height, width, _ = photo.shape
        for top in np.linspace(0, height - CROP_SIZE, 3).astype(int):
            for left in np.linspace(0, width - CROP_SIZE, 5).astype(int):
                yield photo[top : top + CROP_SIZE, left : left + CROP_SIZE]


def write_photos(folder: Path) -> int:
    """Writes the crops as `<folder>/photos-SSSSS-of-NNNNN.tfrecord`.

    Returns:
        The number of Examples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    crops = [tf.io.encode_jpeg(crop, quality=JPEG_QUALITY).numpy() for crop in photo_crops()]
    for shard in range(SHARDS):
        path = folder / f"photos-{shard:05d}-of-{SHARDS:05d}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for crop in crops[shard::SHARDS]:
                image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[crop]))
                features = tf.train.Features(feature={"image": image})
                writer.write(tf.train.Example(features=features).SerializeToString())
    return len(crops)


def transform_photos(folder: Path) -> Path:
    """Writes the crops to `<folder>/photos` and runs the job over them.

    Returns:
        The folder of the finished run, whose only split is `photos`.
    """
    write_photos(folder / "photos")
    run = folder / "photos-run"
    pixelbake.run_job(
        pixelbake.JobConfig(
            input={"photos": str(folder / "photos" / "*.tfrecord")},
            output=str(run),
            recipe=pixelbake.recipe_from_yaml(RECIPE),
        )
    )
    return run
