"""e: TFT in a Beam pipeline written by hand, TFXIO in and WriteToTFRecord out."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import apache_beam as beam
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from bench.case import Case
from bench.contenders import Run
from bench.contenders.tft_preprocessing import SCHEMA, preprocessing_fn, preprocessing_fn_12mp

__all__ = ["make"]


def make(case: Case) -> Run:
    """There is nothing to prepare: TFT traces and analyses in each run."""
    return partial(_run, preprocessing_fn if case.resize is None else preprocessing_fn_12mp)


def _run(preprocess, source: Path, out: Path) -> None:
    out.mkdir(parents=True)
    schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
    images = tfxio.TFExampleRecord(
        file_pattern=str(source / "*"), schema=schema, telemetry_descriptors=["bench"]
    )
    temporary = out.with_name(out.name + "-temporary")
    with beam.Pipeline(FnApiRunner()) as pipeline, tft_beam.Context(temp_dir=str(temporary)):
        raw = pipeline | "Read" >> images.BeamSource()
        (transformed, metadata), transform_fn = (
            raw,
            images.TensorAdapterConfig(),
        ) | tft_beam.AnalyzeAndTransformDataset(preprocess, output_record_batches=True)
        _ = transform_fn | tft_beam.WriteTransformFn(str(temporary / "transform_output"))
        _ = (
            transformed
            | "Encode" >> beam.FlatMapTuple(partial(_encode, schema=metadata.schema))
            | "Write" >> beam.io.WriteToTFRecord(str(out / "images"), file_name_suffix=".tfrecord")
        )
    shutil.rmtree(temporary)


def _encode(batch, _, *, schema):
    return tfxio.RecordBatchToExamplesEncoder(schema).encode(batch)
