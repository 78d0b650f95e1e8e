"""Runs the verification between TFX's artifacts."""

from __future__ import annotations

import logging
import os
import tempfile
from typing import Any

from tfx import types
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from pixelbake.errors import InputError
from pixelbake.files import write_bytes
from pixelbake.job.manifest import Manifest, read_manifest
from pixelbake.report import REPORT_FILE, Verdict, harmless, render
from pixelbake.verify.sample import Materialised
from pixelbake.verify.serving_model import verify_materialised

__all__ = ["ServingCheckExecutor"]

_LOG = logging.getLogger(__name__)

#: What stock Pusher reads, and the marks that InfraValidator leaves; TFX has no public names.
_BLESSED_PROPERTY = "blessed"
_MARKS = {True: "INFRA_BLESSED", False: "INFRA_NOT_BLESSED"}


class ServingCheckExecutor(BaseExecutor):
    """Runs the verification between TFX's artifacts."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Blesses the model, or doesn't.

        Args:
            input_dict: `examples`, `transformed_examples`, `transform_graph`, `model`, and
                `quarantine` or not.
            output_dict: `blessing`.
            exec_properties: `sample` and `allow_rounding`.
        """
        transformed = artifact_utils.get_single_instance(input_dict["transformed_examples"])
        graph = artifact_utils.get_single_instance(input_dict["transform_graph"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        quarantine = input_dict.get("quarantine")

        manifest = read_manifest(transformed.uri)
        _check_lineage(manifest, input_dict["examples"], transformed)
        run = Materialised(
            manifest=manifest,
            examples=transformed.uri,
            transform_graph=graph.uri,
            quarantine=artifact_utils.get_single_instance(quarantine).uri if quarantine else None,
        )
        with tempfile.TemporaryDirectory() as folder:
            picture = os.path.join(folder, "skew.png")
            found = verify_materialised(
                run,
                path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)),
                name=transformed.uri,
                sample=exec_properties["sample"],
                allow_rounding=bool(exec_properties["allow_rounding"]),
                picture=picture,
            )
            _LOG.log(logging.INFO if found.consistent else logging.ERROR, "%s", found)
            fileio.makedirs(blessing.uri)
            with harmless():
                page = render(run, name=transformed.uri, seconds={}, verdict=Verdict.of(found))
                write_bytes(f"{blessing.uri}/{REPORT_FILE}", page.encode())
            if os.path.exists(picture):
                fileio.copy(picture, os.path.join(blessing.uri, "skew.png"))
                found = found.with_picture(os.path.join(blessing.uri, "skew.png"))
        io_utils.write_string_file(
            os.path.join(blessing.uri, "verification.json"), found.to_json() + "\n"
        )
        io_utils.write_string_file(os.path.join(blessing.uri, _MARKS[found.consistent]), "")
        blessing.set_int_custom_property(_BLESSED_PROPERTY, int(found.consistent))


def _check_lineage(
    manifest: Manifest, examples: list[types.Artifact], transformed: types.Artifact
) -> None:
    """Makes sure that the raw Examples are those that were transformed."""
    uris = tuple(f"{artifact.uri.rstrip('/')}/" for artifact in examples)
    for shard in manifest.shards:
        if not shard.input.startswith(uris):
            raise InputError(
                f"{transformed.uri} was not made of these examples: it was made of {shard.input}. "
                f"Received: examples in {', '.join(uris)}."
            )
