"""A preprocessing_fn in TensorFlow Transform's own Beam transforms, on the real local runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tfx_bsl.public import tfxio


def analyze_and_transform(
    preprocessing_fn: Callable,
    examples: Sequence[bytes],
    spec: Mapping[str, Any],
    folder: Path,
    tf1_mode: bool = False,
) -> tuple[list[dict], str]:
    """Returns the transformed Examples, parsed by the graph's own spec, and the graph's folder."""
    graph, records = str(folder / "stock_graph"), folder / "transformed"
    metadata = DatasetMetadata.from_feature_spec(spec)
    source = tfxio.TFExampleBeamRecord(["raw"], schema=metadata.schema)
    with (
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=str(folder / "tft"), force_tf_compat_v1=tf1_mode),
    ):
        raw = pipeline | beam.Create(list(examples)) | source.BeamSource()
        (data, metadata), transform_fn = (
            raw,
            source.TensorAdapterConfig(),
        ) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn, output_record_batches=True)
        coder = tfxio.RecordBatchToExamplesEncoder(metadata.schema)
        _ = (
            data
            | beam.FlatMapTuple(lambda batch, _: coder.encode(batch))
            | beam.io.WriteToTFRecord(str(records))
        )
        _ = transform_fn | tft_beam.WriteTransformFn(graph)
    parse_spec = tft.TFTransformOutput(graph).transformed_feature_spec()
    files = sorted(str(path) for path in folder.glob("transformed-*"))
    written = tf.data.TFRecordDataset(files).as_numpy_iterator()
    return [tf.io.parse_single_example(record, parse_spec) for record in written], graph
