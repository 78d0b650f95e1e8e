"""Runs the job between TFX's artifacts."""

from __future__ import annotations

import json
import tempfile
from typing import Any

from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from pixelbake.errors import InputError
from pixelbake.files import write_bytes
from pixelbake.job.books import check_books, make_manifest
from pixelbake.job.config import Limits
from pixelbake.job.fit import copy_counts, fit_layers
from pixelbake.job.manifest import MANIFEST_FILE, SplitCounts
from pixelbake.job.run import transform_shards
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import plan_shards
from pixelbake.recipe import Recipe
from pixelbake.report import REPORT_FILE, harmless, render
from pixelbake.transform_graph import write_transform_graph
from pixelbake.verify.sample import Materialised

__all__ = ["PixelTransformExecutor"]


class PixelTransformExecutor(BaseBeamExecutor):
    """Runs the job between TFX's artifacts. TFX publishes them only if it succeeds."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Transforms every split of the input Examples.

        Args:
            input_dict: `examples`, and `analyzer_cache` if there is one.
            output_dict: `transform_graph`, `transformed_examples`, `quarantine`,
                `updated_analyzer_cache`.
            exec_properties: `recipe`, `limits` and `fit_splits`, all JSON.
        """
        recipe = Recipe.from_json(exec_properties["recipe"])
        limits = Limits.model_validate_json(exec_properties["limits"])
        examples = input_dict["examples"]
        for artifact in examples:
            _check_format(artifact)
        graph = artifact_utils.get_single_instance(output_dict["transform_graph"])
        transformed = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        quarantine = artifact_utils.get_single_instance(output_dict["quarantine"])

        splits = artifact_utils.decode_split_names(examples[0].split_names)
        tasks = plan_shards(
            {
                split: [f"{uri}/*" for uri in artifact_utils.get_split_uris(examples, split)]
                for split in splits
            },
            allow_empty=limits.allow_damaged_files,
        )
        cache = artifact_utils.get_single_instance(output_dict["updated_analyzer_cache"])
        for older in input_dict.get("analyzer_cache") or ():
            copy_counts(older.uri, cache.uri)
        fitted_recipe, fitted = fit_layers(
            recipe,
            tasks,
            cache.uri,
            splits=json.loads(exec_properties["fit_splits"]),
            limits=limits,
            beam_args=self._beam_pipeline_args,
        )
        write_transform_graph(fitted_recipe, graph.uri)
        folders = RunFolders(
            transform_graph=graph.uri,
            examples=transformed.uri,
            quarantine=quarantine.uri,
            results=self._get_tmp_dir() if self._context else tempfile.mkdtemp(),
            as_gzip=True,
        )
        results = transform_shards(fitted_recipe, tasks, folders, limits, self._beam_pipeline_args)

        transformed.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(transformed, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(transformed, "tfrecords_gzip")
        total = SplitCounts.of(results)
        quarantine.set_int_custom_property("read", total.read)
        quarantine.set_int_custom_property("quarantined", total.quarantined)
        quarantine.set_string_custom_property("reasons", json.dumps(total.reasons))
        check_books(results, limits)
        manifest = make_manifest(fitted_recipe, tasks, results, fitted=fitted)
        text = manifest.model_dump_json(indent=1) + "\n"
        write_bytes(f"{transformed.uri}/{MANIFEST_FILE}", text.encode())
        with harmless():
            run = Materialised(manifest, transformed.uri, graph.uri, quarantine.uri)
            page = render(run, name=transformed.uri, seconds={})
            write_bytes(f"{transformed.uri}/{REPORT_FILE}", page.encode())


def _check_format(examples: types.Artifact) -> None:
    """Refuses Examples that are not `tf.train.Example`s in TFRecords, before anything is read."""
    payload = examples_utils.get_payload_format_string(examples)
    file_format = examples_utils.get_file_format(examples)
    if payload != "FORMAT_TF_EXAMPLE" or not file_format.startswith("tfrecord"):
        raise InputError(
            "PixelTransform reads tf.train.Examples in TFRecords. Received: payload format "
            f"{payload}, file format {file_format}, in {examples.uri}."
        )
