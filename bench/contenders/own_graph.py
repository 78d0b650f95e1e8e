"""pixelbake's own graph without its job: what Beam, reading, guarding and writing cost."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

import pixelbake
from bench.case import Case
from bench.contenders import Run
from bench.recipe import recipe_of
from bench.tfrecords import batches_of_files, write_examples

__all__ = ["make"]


def make(case: Case) -> Run:
    """Traces the graph."""
    # Images are in work side by side; splitting small operations over the cores costs more than
    # it gains.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    preprocess = pixelbake.make_preprocessing_fn(recipe_of(case))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)], autograph=False)
    def transform(images):
        return preprocess({"image": images, "id": tf.zeros_like(images)})["image"]

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(out / "all.tfrecord")) as writer:
            for images, ids in batches_of_files(sorted(source.iterdir())):
                write_examples(writer, transform(images).numpy(), ids)

    return run
