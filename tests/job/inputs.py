"""Real images as Examples in TFRecord files, and the pixels that a recipe makes of them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from pipeline.digits import digit_examples
from pipeline.photos import photo_crops
from pixelbake.intake.tfrecord import Record

__all__ = [
    "DIGITS",
    "PHOTOS",
    "expected_pixels",
    "example",
    "files_in",
    "image_of",
    "kinds_of",
    "pixels_of",
    "record",
    "records_in",
    "write",
]

PHOTOS = [tf.io.encode_jpeg(crop, quality=90).numpy() for crop in photo_crops()]
DIGITS = [
    scan.features.feature["image"].bytes_list.value[0] for scan in digit_examples()["eval"][:70]
]


def example(**features: object) -> bytes:
    """Serialises an Example; an empty list needs a type: `("float32", [])`."""
    message = tf.train.Example()
    for name, value in features.items():
        dtype, values = value if isinstance(value, tuple) else (None, value)
        values = values if isinstance(values, list) else [values]
        if dtype is None:
            dtype = {int: "int64", float: "float32"}.get(type(values[0]), "bytes")
        feature = message.features.feature[name]
        kind = {"int64": "int64_list", "float32": "float_list", "bytes": "bytes_list"}[dtype]
        getattr(feature, kind).SetInParent()
        getattr(feature, kind).value.extend(values)
    return message.SerializeToString(deterministic=True)


def record(data: bytes, index: int = 3, offset: int = 812) -> Record:
    return Record(data, "shard-0", index, offset)


def write(path: Path, records: Iterable[bytes], packed: bool = False) -> Path:
    """Writes a TFRecord file by TensorFlow itself; `packed` makes it gzip whatever its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for data in records:
            writer.write(data)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def records_in(path: Path | str) -> list[bytes]:
    """Reads a TFRecord file by TensorFlow itself."""
    packed = "GZIP" if str(path).endswith(".gz") else ""
    return list(tf.data.TFRecordDataset(str(path), packed).as_numpy_iterator())


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones too, by its path in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def image_of(data: bytes) -> bytes:
    (image,) = tf.train.Example.FromString(data).features.feature["image"].bytes_list.value
    return image


def pixels_of(image: bytes) -> np.ndarray:
    """Decodes an image by Pillow to uint8 `[height, width, 3]`."""
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))


def expected_pixels(image: bytes, layers: Iterable) -> np.ndarray:
    """What the layers make of an image, called eagerly on what Pillow decodes."""
    x = pixels_of(image)[None].astype(np.float32) * np.float32(1 / 255)
    for layer in layers:
        x = layer(x)
    return np.round(np.clip(np.asarray(x), 0, 1) * np.float32(255)).astype(np.uint8)[0]


def kinds_of(data: bytes) -> dict[str, bytes]:
    """The features of an Example but its image, serialised, by name."""
    features = tf.train.Example.FromString(data).features.feature
    return {name: features[name].SerializeToString() for name in features if name != "image"}
