"""The images: two photographs as 224 x 224 crops and as 12-megapixel upscales, in TFRecords.

`python -m bench.dataset FOLDER KIND IMAGES TINY` writes two folders, `FOLDER/full` and
`FOLDER/tiny`, and nothing if they are there already. Run in a process of its own so that the
benchmark's main process stays small.

china.jpg (author: Yang Liu) and flower.jpg (author: danielbuechele), both CC BY 2.0, come with
scikit-learn.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["CROPS", "JPEG_QUALITY", "PHOTOS_12MP", "Kind", "make_dataset", "photos_12mp"]

CROP_SIZE = 224
JPEG_QUALITY = 90
LARGE_SIZE = (4000, 3000)


@dataclass(frozen=True)
class Kind:
    """A kind of images and how they are spread over shards.

    Attributes:
        name: `"crops"` or `"photos12mp"`.
        shard: Images in a shard.
        distinct: How many shards differ; more shards are hard links to them.
    """

    name: str
    shard: int
    distinct: int


CROPS = Kind("crops", shard=500, distinct=4)
PHOTOS_12MP = Kind("photos12mp", shard=4, distinct=2)


def make_dataset(folder: Path, kind: Kind, images: int, tiny: int) -> tuple[Path, Path, int]:
    """Writes both sizes of a data set in another process.

    Args:
        folder: Where to.
        kind: What images.
        images: How many, rounded up to whole shards.
        tiny: How many in the small one, which shows the cost of starting.

    Returns:
        The folders of the full and of the tiny data set, and the images in the full one.
    """
    shards = max(2, -(-images // kind.shard))
    command = [sys.executable, "-m", "bench.dataset", str(folder), kind.name, str(shards)]
    subprocess.run([*command, str(tiny)], check=True)
    return folder / "full", folder / "tiny", shards * kind.shard


def _crops() -> Iterator[np.ndarray]:
    from sklearn.datasets import load_sample_images

    photos = load_sample_images().images
    random = np.random.default_rng(20)
    while True:
        photo = photos[int(random.integers(len(photos)))]
        top, left = (int(random.integers(side - CROP_SIZE + 1)) for side in photo.shape[:2])
        yield photo[top : top + CROP_SIZE, left : left + CROP_SIZE]


def photos_12mp() -> Iterator[np.ndarray]:
    """Yields both photographs as 4000 x 3000 pixels, then mirrored ones, without end."""
    import cv2
    from sklearn.datasets import load_sample_images

    photos = load_sample_images().images
    while True:
        for flip in (None, 1, 0, -1):
            for photo in photos:
                height = photo.shape[0]
                crop = photo[:, : height * 4 // 3]
                large = cv2.resize(crop, LARGE_SIZE, interpolation=cv2.INTER_CUBIC)
                yield large if flip is None else cv2.flip(large, flip)


_MAKERS: dict[str, tuple[Kind, Callable[[], Iterator[np.ndarray]]]] = {
    "crops": (CROPS, _crops),
    "photos12mp": (PHOTOS_12MP, photos_12mp),
}


def _write(folder: Path, kind: Kind, shards: int, tiny: int) -> None:
    import tensorflow as tf

    images = enumerate(_MAKERS[kind.name][1]())

    def write_shard(path: Path, count: int) -> None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(count):
                number, pixels = next(images)
                jpeg = tf.io.encode_jpeg(pixels, quality=JPEG_QUALITY).numpy()
                example = tf.train.Example()
                example.features.feature["image"].bytes_list.value.append(jpeg)
                example.features.feature["id"].int64_list.value.append(number)
                writer.write(example.SerializeToString())

    full, few = folder / "full.part", folder / "tiny.part"
    for made in (full, few):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
    for shard in range(shards):
        path = full / f"images-{shard:05d}-of-{shards:05d}.tfrecord"
        if shard < kind.distinct:
            write_shard(path, kind.shard)
        else:
            os.link(full / f"images-{shard % kind.distinct:05d}-of-{shards:05d}.tfrecord", path)
    for shard in range(2):
        write_shard(few / f"images-{shard:05d}-of-00002.tfrecord", tiny // 2)
    for made in (full, few):
        made.rename(made.with_suffix(""))


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    if not (_folder / "tiny").exists():
        shutil.rmtree(_folder, ignore_errors=True)
        _write(_folder, _MAKERS[sys.argv[2]][0], int(sys.argv[3]), int(sys.argv[4]))
