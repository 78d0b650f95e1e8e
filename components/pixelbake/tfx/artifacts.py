"""Artifact types of pixelbake's own."""

from __future__ import annotations

from tfx import types
from tfx.types.artifact import Property, PropertyType

__all__ = ["Quarantine"]


class Quarantine(types.Artifact):
    """The records that a run refused, with their original bytes and the reason.

    `Split-<name>/*.tfrecord` as `pixelbake.read_quarantine` reads them; empty where nothing was
    refused.

    Properties:
        read: Records found in the input.
        quarantined: Records refused.
        reasons: How many records and faults were refused, as JSON by reason code.
    """

    TYPE_NAME = "PixelbakeQuarantine"
    PROPERTIES = {  # noqa: RUF012 (tfx.types.Artifact declares it so)
        "read": Property(type=PropertyType.INT),
        "quarantined": Property(type=PropertyType.INT),
        "reasons": Property(type=PropertyType.STRING),
    }
