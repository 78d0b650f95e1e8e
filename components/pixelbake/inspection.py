"""What TFRecord files hold, as far as a bounded look shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from pixelbake.errors import InputError
from pixelbake.files import open_bytes
from pixelbake.intake.gate import ImageHeader, ImageLimits, check_image, image_format
from pixelbake.intake.tfrecord import Record, read_tfrecord

__all__ = ["FeatureSummary", "Inspection", "inspect_files"]

RECORDS_LOOKED_AT = 256
_DTYPES = {"int64_list": "int64", "float_list": "float32", "bytes_list": "bytes"}
_EXAMPLES_SHOWN = 3
_LONGEST_EXAMPLE = 24
_GRAY_PNG = (0, 4)


@dataclass
class FeatureSummary:
    """What one feature held in the records that were looked at.

    Attributes:
        records: In how many records it was.
        dtypes: `"int64"`, `"float32"` or `"bytes"`, and how often.
        counts: How many values a record had, and how often.
        examples: A few values in words.
        images: How often its single value was a JPEG or PNG, by format.
        sizes: Their widths and heights, and how often.
        gray: How many of these are PNGs without colour.
        turned: How many of these have an EXIF orientation other than upright.
    """

    records: int = 0
    dtypes: Counter[str] = field(default_factory=Counter)
    counts: Counter[int] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    images: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    gray: int = 0
    turned: int = 0

    @property
    def is_image(self) -> bool:
        """Whether most of its values are encoded images."""
        return sum(self.images.values()) > self.records / 2

    @property
    def in_words(self) -> str:
        """What it holds, in a line."""
        if self.is_image:
            kinds = ", ".join(
                f"{count} {kind.upper()}" for kind, count in self.images.most_common()
            )
            low, high = min(self.sizes, key=_area), max(self.sizes, key=_area)
            to = "" if low == high else f" to {high[0]} x {high[1]}"
            others = self.records - sum(self.images.values())
            rest = f", and {others} that will be quarantined" if others else ""
            return f"images: {kinds}{rest}; {low[0]} x {low[1]}{to} pixels"
        many = f"{min(self.counts)} to {max(self.counts)} values"
        values = "one value" if set(self.counts) == {1} else many
        return f"{'/'.join(self.dtypes)}, {values}, such as {', '.join(self.examples)}"

    def add(self, feature: Any) -> None:
        """Counts one record's values in."""
        kind = feature.WhichOneof("kind")
        if kind is None:
            return
        values = getattr(feature, kind).value
        self.records += 1
        self.dtypes[_DTYPES[kind]] += 1
        self.counts[len(values)] += 1
        if kind == "bytes_list" and len(values) == 1:
            header = check_image(values[0], ImageLimits())
            if isinstance(header, ImageHeader):
                self.images[header.format] += 1
                self.sizes[header.width, header.height] += 1
                self.turned += header.orientation != 1
                self.gray += header.format == "png" and values[0][25] in _GRAY_PNG
                return
        if values and len(self.examples) < _EXAMPLES_SHOWN:
            text = _in_words(values[0])
            if text not in self.examples:
                self.examples.append(text)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _in_words(value: Any) -> str:
    text = repr(value) if isinstance(value, bytes) else f"{value:g}"
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}..."


@dataclass
class Inspection:
    """What a bounded look at some files showed.

    Attributes:
        files: How many files there are.
        records: How many records were looked at.
        features: What each feature held, by name.
        damage: What was wrong with records and files, by reason code.
    """

    files: int
    records: int = 0
    features: dict[str, FeatureSummary] = field(default_factory=dict)
    damage: Counter[str] = field(default_factory=Counter)

    @property
    def image_features(self) -> list[str]:
        """Names of the features that hold encoded images, the largest images first."""
        found = [name for name, summary in self.features.items() if summary.is_image]
        return sorted(found, key=lambda name: -self.features[name].records)


def inspect_files(paths: Sequence[str], records: int = RECORDS_LOOKED_AT) -> Inspection:
    """Looks at the first records of every file.

    Args:
        paths: TFRecord files, on any file system that Beam knows.
        records: How many records to look at in all, at least one a file.

    Raises:
        InputError: A file can't be opened, or is an image itself.
    """
    found = Inspection(files=len(paths))
    for path in paths:
        left = max(1, records // len(paths))
        try:
            with open_bytes(path) as file:
                for item in read_tfrecord(file, path):
                    if not isinstance(item, Record):
                        if item.index == 0 and item.reason.is_file_fault:
                            _refuse_image(path)
                        found.damage[item.reason.value] += 1
                    elif left:
                        _count(item.data, found)
                        left -= 1
                    if not left:
                        break
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    found.features = dict(sorted(found.features.items()))
    return found


def _refuse_image(path: str) -> None:
    """Raises InputError if a file that is no TFRecord file is an image."""
    with open_bytes(path) as file:
        kind = image_format(file.read(8))
    if kind is not None:
        raise InputError(
            f"{path} is a {kind.upper()} image, no TFRecord file. `pixelbake init --from-folder "
            "FOLDER` packs a folder of images into TFRecords."
        )


def _count(data: bytes, found: Inspection) -> None:
    found.records += 1
    try:
        features = tf.train.Example.FromString(data).features.feature
    except DecodeError:
        found.damage["not_an_example"] += 1
        return
    for name in features:
        found.features.setdefault(name, FeatureSummary()).add(features[name])
