"""Raw Examples of real images, as a user's TFRecords hold them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.digits import digit_examples
from pipeline.photos import photo_crops
from tests.e2e.fresh_process import write_records

_KINDS = {
    bytes: ("bytes_list", tf.train.BytesList),
    int: ("int64_list", tf.train.Int64List),
    float: ("float_list", tf.train.FloatList),
}


def example(**features: Sequence[bytes] | Sequence[int] | Sequence[float]) -> bytes:
    """Serialises one Example; a feature without values is there without a kind."""
    parts = {}
    for name, values in features.items():
        kinds = [_KINDS[type(value)] for value in values[:1]]
        parts[name] = tf.train.Feature(**{kind: make(value=values) for kind, make in kinds})
    return tf.train.Example(features=tf.train.Features(feature=parts)).SerializeToString()


def digits(count: int) -> tuple[list[bytes], list[int]]:
    """Returns scans as PNG and their labels."""
    features = [one.features.feature for one in digit_examples()["eval"][:count]]
    images = [f["image"].bytes_list.value[0] for f in features]
    return images, [f["label"].int64_list.value[0] for f in features]


def photos(count: int, sizes: Sequence[tuple[int, int]] = ((224, 224),)) -> list[bytes]:
    """Returns crops of the photographs as JPEG, cut to the sizes in turn."""
    crops = list(photo_crops())[:: 30 // count][:count]
    cut = [
        crop[: sizes[i % len(sizes)][0], : sizes[i % len(sizes)][1]] for i, crop in enumerate(crops)
    ]
    return [tf.io.encode_jpeg(crop, quality=90).numpy() for crop in cut]


def masks_of(images: Sequence[bytes]) -> list[bytes]:
    """Returns where each JPEG is more red than blue, as gray PNG."""
    pixels = [tf.io.decode_jpeg(data, channels=3).numpy() for data in images]
    red = [np.uint8(255) * (one[..., :1] > one[..., 2:]) for one in pixels]
    return [tf.io.encode_png(one).numpy() for one in red]


def write_examples(path: Path, examples: Sequence[bytes]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(write_records(path, examples))


def read_features(files: Sequence[str]) -> list[dict[str, list]]:
    """Returns the features of every Example in TFRecord files, by name."""
    compression = "GZIP" if files[0].endswith(".gz") else ""
    records = tf.data.TFRecordDataset(list(files), compression_type=compression)
    parsed = [tf.train.Example.FromString(record) for record in records.as_numpy_iterator()]
    return [
        {
            name: list(getattr(one, one.WhichOneof("kind") or "int64_list").value)
            for name, one in record.features.feature.items()
        }
        for record in parsed
    ]
