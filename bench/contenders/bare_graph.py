"""a: float ops in one tf.function over batches, without Beam: the ceiling of plain TensorFlow."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from bench.case import Case
from bench.contenders import Run
from bench.plain_ops import transform_one
from bench.tfrecords import batches_of_files, write_examples

__all__ = ["make"]


def make(case: Case) -> Run:
    """Traces the graph."""
    # Images are in work side by side; splitting small operations over the cores costs more than
    # it gains.
    tf.config.threading.set_intra_op_parallelism_threads(1)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)], autograph=False)
    def transform(images):
        return tf.map_fn(
            lambda jpeg: transform_one(jpeg, case),
            images,
            fn_output_signature=tf.string,
            parallel_iterations=16,
        )

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(out / "all.tfrecord")) as writer:
            for images, ids in batches_of_files(sorted(source.iterdir())):
                write_examples(writer, transform(images).numpy(), ids)

    return run
