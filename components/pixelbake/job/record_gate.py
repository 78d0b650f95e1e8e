"""What a record must have before its image is decoded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

from pixelbake.intake.gate import ImageLimits, Refusal, check_image
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.intake.tfrecord import Record
from pixelbake.recipe import Recipe
from pixelbake.recipe.parts import Feature

__all__ = ["Admitted", "RecordGate"]

_KINDS = {"int64": "int64_list", "float32": "float_list", "bytes": "bytes_list"}


@dataclass(frozen=True)
class Admitted:
    """A record that may be decoded.

    Attributes:
        record: The record as read.
        example: The record, parsed.
        images: The encoded image and, where the recipe has one, the encoded mask.
        pixels: How many pixels they decode to.
    """

    record: Record
    example: Any
    images: tuple[bytes, ...]
    pixels: int


@dataclass(frozen=True)
class RecordGate:
    """Parses records and refuses those that the transform graph could not take.

    Attributes:
        image_features: Names of the features that hold encoded images.
        passthrough: The features that must be there beside them, by name.
        limits: How large an encoded or decoded image may be.
    """

    image_features: tuple[str, ...]
    passthrough: Mapping[str, Feature] = field(default_factory=dict)
    limits: ImageLimits = field(default_factory=ImageLimits)

    @classmethod
    def of(cls, recipe: Recipe, limits: ImageLimits) -> RecordGate:
        """Makes the gate of a recipe; it can be pickled and needs no Keras class."""
        return cls(recipe.image_features, dict(recipe.passthrough), limits)

    def check(self, record: Record) -> Admitted | Quarantined:
        """Decides about one record by looking at its features and its images' headers.

        Args:
            record: The record as read.

        Returns:
            The parsed record, or why it goes to the quarantine. Never raises for any bytes.
        """
        example = _parse(record.data)
        if example is None:
            return record.quarantined(Reason.NOT_AN_EXAMPLE, "the record is not a tf.train.Example")
        features = example.features.feature
        images = []
        pixels = 0
        for name in self.image_features:
            fault = _fault(features, name, _ONE_BYTES)
            if fault is not None:
                return record.quarantined(*fault)
            (data,) = features[name].bytes_list.value
            header = check_image(data, self.limits)
            if isinstance(header, Refusal):
                return record.quarantined(header.reason, f"feature {name!r}: {header.message}")
            images.append(data)
            pixels += header.width * header.height
        for name, feature in self.passthrough.items():
            fault = _fault(features, name, feature)
            if fault is not None:
                return record.quarantined(*fault)
        return Admitted(record, example, tuple(images), pixels)


def _parse(data: bytes) -> Any:
    """Returns the Example, or None if the bytes are not one to their very end.

    Older protobufs only warn where data are left over; TensorFlow's own parser refuses them.
    """
    try:
        example = tf.train.Example.FromString(data)
        if example.ByteSize() != len(data):  # seldom: it may be encoded in another way
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                tf.train.Example.FromString(data)
            if caught:
                return None
    except DecodeError:
        return None
    return example


_ONE_BYTES = Feature(dtype="bytes")


def _fault(features: Any, name: str, wanted: Feature) -> tuple[Reason, str] | None:
    """Returns what is wrong with a feature, or None."""
    kind = features[name].WhichOneof("kind") if name in features else None
    if kind is None:
        if wanted.shape is None:
            return None
        return Reason.FEATURE_MISSING, f"feature {name!r} is missing"
    if kind != _KINDS[wanted.dtype]:
        found = next(dtype for dtype, one in _KINDS.items() if one == kind)
        return (
            Reason.FEATURE_TYPE,
            f"feature {name!r} must hold {wanted.dtype}; it holds {found}",
        )
    if wanted.shape is not None:
        count = 1
        for size in wanted.shape:
            count *= size
        received = len(getattr(features[name], kind).value)
        if received != count:
            return (
                Reason.FEATURE_COUNT,
                f"feature {name!r} must hold {count} values; it holds {received}",
            )
    return None
