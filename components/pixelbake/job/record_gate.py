"""What a record must have before its image is decoded."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError

from pixelbake.intake.gate import ImageLimits, Refusal, check_image
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.intake.tfrecord import Record
from pixelbake.plain.parts import Feature
from pixelbake.recipe import Recipe

__all__ = ["Admitted", "RecordGate"]

#: A record may have thousands of features, and every quarantined one says which.
_FEATURES_NAMED = 8
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
    _images: tuple[_Wanted, ...] = field(init=False, repr=False)
    _others: tuple[_Wanted, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        one = Feature(dtype="bytes")
        images = tuple(_Wanted.of(name, one) for name in self.image_features)
        others = tuple(_Wanted.of(name, feature) for name, feature in self.passthrough.items())
        object.__setattr__(self, "_images", images)
        object.__setattr__(self, "_others", others)

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
        for wanted in self._images:
            values = _values(features, wanted)
            if values is None:
                return record.quarantined(*_fault(features, wanted))
            data = values[0]
            header = check_image(data, self.limits)
            if isinstance(header, Refusal):
                message = f"feature {wanted.name!r}: {header.message}"
                return record.quarantined(header.reason, message)
            images.append(data)
            pixels += header.width * header.height
        for wanted in self._others:
            if _values(features, wanted) is None:
                return record.quarantined(*_fault(features, wanted))
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


class _Wanted(NamedTuple):
    """What a feature must hold: looked at for every record, so in its plainest form.

    Attributes:
        name: Its name.
        dtype: As in `Feature`.
        kind: The field of `tf.train.Feature` that holds such values.
        number: How many, or None for any number, none included.
    """

    name: str
    dtype: str
    kind: str
    number: int | None

    @classmethod
    def of(cls, name: str, feature: Feature) -> _Wanted:
        count = None if feature.shape is None else math.prod(feature.shape)
        return cls(name, feature.dtype, _KINDS[feature.dtype], count)


def _values(features: Any, wanted: _Wanted) -> Sequence[Any] | None:
    """Returns a feature's values, or None if it does not hold what it must."""
    name, _, kind, count = wanted
    if name in features:
        feature = features[name]
        found = feature.WhichOneof("kind")
        if found == kind:
            values: Sequence[Any] = getattr(feature, kind).value
            return values if count is None or len(values) == count else None
        return () if found is None and count is None else None
    return () if count is None else None


def _fault(features: Any, wanted: _Wanted) -> tuple[Reason, str]:
    """Returns what is wrong with a feature that `_values` did not take."""
    name, dtype, kind, count = wanted
    found = features[name].WhichOneof("kind") if name in features else None
    if found is None:
        others = sorted(other for other in features if other != name)[:_FEATURES_NAMED]
        rest = f"; there are {', '.join(map(repr, others))}" if others else ""
        return Reason.FEATURE_MISSING, f"feature {name!r} is missing{rest}"
    if found != kind:
        held = next(dtype for dtype, one in _KINDS.items() if one == found)
        return Reason.FEATURE_TYPE, f"feature {name!r} must hold {dtype}; it holds {held}"
    received = len(getattr(features[name], kind).value)
    return (
        Reason.FEATURE_COUNT,
        f"feature {name!r} must hold {count} values; it holds {received}",
    )
