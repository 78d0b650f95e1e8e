"""b: a tf.data script: files interleaved, images mapped in parallel, one TFRecordWriter."""

from __future__ import annotations

import os
from pathlib import Path

import tensorflow as tf

from bench.case import Case
from bench.contenders import Run
from bench.plain_ops import transform_one
from bench.tfrecords import FEATURES, untuned, write_examples

__all__ = ["make"]


def make(case: Case) -> Run:
    """There is nothing to prepare: a data set is traced anew in each run."""

    def transform(record):
        features = tf.io.parse_single_example(record, FEATURES)
        return transform_one(features["image"], case), features["id"]

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True)
        files = tf.data.Dataset.from_tensor_slices([str(path) for path in sorted(source.iterdir())])
        cores = os.cpu_count()
        records = files.interleave(
            tf.data.TFRecordDataset, num_parallel_calls=cores, deterministic=False
        )
        images = records.map(transform, num_parallel_calls=cores, deterministic=False)
        # Handing over batches costs the loop in Python less than handing over images.
        with tf.io.TFRecordWriter(str(out / "all.tfrecord")) as writer:
            batches = images.batch(64).prefetch(2).with_options(untuned())
            for batch, ids in batches.as_numpy_iterator():
                write_examples(writer, batch, ids)

    return run
