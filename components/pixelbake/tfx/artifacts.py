"""Artifact types of pixelbake's own."""

from __future__ import annotations

from tfx import types

__all__ = ["Quarantine"]


class Quarantine(types.Artifact):
    """The records that a run refused, with their original bytes and the reason.

    `Split-<name>/*.tfrecord` as `pixelbake.read_quarantine` reads them; empty where nothing was
    refused.

    Custom properties (Kubeflow takes no artifact type that declares properties of its own):
        read: Records found in the input.
        quarantined: Records refused.
        reasons: How many records and faults were refused, as JSON by reason code.
    """

    #: Also where Kubeflow's steps import the class from, and so in the form that it takes.
    TYPE_NAME = "pixelbake.Quarantine"
