"""c: OpenCV's uint8 functions in a pool of one process per core, one shard a task."""

from __future__ import annotations

import multiprocessing
import os
from functools import partial
from pathlib import Path

from bench.case import BRIGHTNESS, JPEG_QUALITY, KERNEL_SIZE, SIGMA, Case
from bench.contenders import Run

__all__ = ["make"]


def make(case: Case) -> Run:
    """Starts the pool and has each process import what it needs."""
    # TensorFlow, which the workers read and write TFRecords with, does not survive a fork.
    pool = multiprocessing.get_context("spawn").Pool(os.cpu_count(), initializer=_start)
    pool.map(_wait, range(4 * (os.cpu_count() or 1)), chunksize=1)

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True)
        for _ in pool.imap_unordered(partial(_shard, out, case), sorted(source.iterdir())):
            pass

    return run


def _start() -> None:
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(1)  # the pool has the cores
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _wait(_: int) -> None:
    """Is done as soon as the process has started."""


def _shard(out: Path, case: Case, path: Path) -> None:
    import tensorflow as tf

    from bench.tfrecords import batches_of_files, example

    with tf.io.TFRecordWriter(str(out / path.name)) as writer:
        for images, ids in batches_of_files([path]):
            for image, number in zip(images.numpy(), ids, strict=True):
                writer.write(example(_transform(image, case), int(number)))


def _transform(jpeg: bytes, case: Case) -> bytes:
    import cv2
    import numpy as np

    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if case.resize is not None:
        image = cv2.resize(image, (case.resize, case.resize), interpolation=cv2.INTER_AREA)
    image = cv2.convertScaleAbs(image, alpha=BRIGHTNESS)
    size = (KERNEL_SIZE, KERNEL_SIZE)
    image = cv2.GaussianBlur(image, size, SIGMA, borderType=cv2.BORDER_REFLECT_101)
    _, encoded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    return encoded.tobytes()
