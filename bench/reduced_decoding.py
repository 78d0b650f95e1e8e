"""What `Resize.reducing_gap` saves and changes: `python -m bench.reduced_decoding`.

Over 12-megapixel photographs, on one thread.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from statistics import median

import numpy as np
import tensorflow as tf

from bench.case import Case
from bench.dataset import JPEG_QUALITY, photos_12mp
from bench.recipe import recipe_of
from pixelbake.image_graph import freeze_image_graph

__all__ = ["GAPS", "compare"]

GAPS = (None, 4.0, 3.0, 2.0, 1.0)
SIZE = 224
REPEATS = 5


def compare(repeats: int = REPEATS) -> dict[str, dict[str, float]]:
    """Decodes, resizes and transforms two photographs with each gap, in turn.

    Returns:
        By gap (`"none"` for decoding in full): CPU milliseconds a photograph, without encoding,
        and the largest and the mean difference of its uint8 pixels from those of full decoding.
    """
    jpegs = [tf.io.encode_jpeg(p, quality=JPEG_QUALITY) for p in islice(photos_12mp(), 2)]
    graphs = {
        gap: tf.function(
            freeze_image_graph(recipe_of(Case(resize=SIZE, reducing_gap=gap))).pixels,
            input_signature=[tf.TensorSpec((), tf.string)],
            autograph=False,
        )
        for gap in GAPS
    }
    pixels = {
        gap: np.stack([graph(jpeg).numpy() for jpeg in jpegs]).astype(int)
        for gap, graph in graphs.items()
    }
    times: dict[float | None, list[float]] = {gap: [] for gap in GAPS}
    for _ in range(repeats):
        for gap, graph in graphs.items():
            start = time.process_time()
            for jpeg in jpegs:
                graph(jpeg)
            times[gap].append((time.process_time() - start) / len(jpegs) * 1e3)
    return {
        "none" if gap is None else f"{gap:.1f}": {
            "cpu_ms": median(times[gap]),
            "max_difference": int(np.abs(pixels[gap] - pixels[None]).max()),
            "mean_difference": float(np.abs(pixels[gap] - pixels[None]).mean()),
        }
        for gap in GAPS
    }


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print(json.dumps(compare(*(int(argument) for argument in sys.argv[1:2]))))
