"""d: the executor of TFX's own Transform component, without statistics over the pixels."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from tfx.components.transform.executor import Executor
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2, transform_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from bench.case import Case
from bench.contenders import Run
from bench.contenders.tft_preprocessing import SCHEMA

__all__ = ["make"]

_MODULE = "bench.contenders.tft_preprocessing"


def make(case: Case) -> Run:
    """There is nothing to prepare: the component traces and analyses in each run."""
    function = "preprocessing_fn" if case.resize is None else "preprocessing_fn_12mp"
    return partial(_run, f"{_MODULE}.{function}")


def _run(function: str, source: Path, out: Path) -> None:
    temporary = out.with_name(out.name + "-temporary")
    fileio.makedirs(str(temporary / "schema"))
    (temporary / "schema" / "schema.pbtxt").write_text(SCHEMA)
    (temporary / "examples").mkdir()
    (temporary / "examples" / "Split-train").symlink_to(source)

    examples = standard_artifacts.Examples()
    examples.uri = str(temporary / "examples")
    examples.split_names = '["train"]'
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    schema = standard_artifacts.Schema()
    schema.uri = str(temporary / "schema")
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(temporary / "graph")
    transformed = standard_artifacts.Examples()
    transformed.uri = str(out)
    splits = transform_pb2.SplitsConfig(analyze=["train"], transform=["train"])
    context = Executor.Context(
        # TFX's DirectRunner would first try to download another engine.
        beam_pipeline_args=["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
        tmp_dir=str(temporary / "beam"),
        unique_id="bench",
    )
    Executor(context).Do(
        {"examples": [examples], "schema": [schema]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {
            "preprocessing_fn": function,
            "disable_statistics": 1,
            "splits_config": proto_utils.proto_to_json(splits),
        },
    )
    shutil.rmtree(temporary)
