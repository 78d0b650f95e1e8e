"""How many threads TensorFlow gives an op in a worker process."""

from __future__ import annotations

import os
from contextlib import suppress

import tensorflow as tf

__all__ = ["one_thread_an_op"]


def one_thread_an_op(driver: int) -> None:
    """Called by workers: images are worked on side by side, and their ops need no threads more.

    An op over one image is too small to be worth splitting: one that is split takes half as much
    CPU time again. A worker process is Beam's alone and may be set; in the driver's own process,
    where other code uses TensorFlow too, nothing is done, and neither where
    `TF_NUM_INTRAOP_THREADS` says how many there are to be. The pixels are the same with any number.

    Args:
        driver: The driver's process ID.
    """
    if os.getpid() == driver or "TF_NUM_INTRAOP_THREADS" in os.environ:
        return
    # Refused where something else in this worker has used TensorFlow before: its threads are there.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
