"""Where one image's time goes, stage by stage: `python -m bench.stages`, on one thread."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench.case import BRIGHTNESS, KERNEL_SIZE, SIGMA, Case
from bench.dataset import JPEG_QUALITY
from bench.recipe import recipe_of
from bench.tfrecords import example
from pixelbake import images
from pixelbake.intake.gate import ImageLimits
from pixelbake.intake.tfrecord import frame_record, read_tfrecord
from pixelbake.job.record_gate import RecordGate
from pixelbake.layers import Brightness, GaussianBlur

__all__ = ["profile"]

SIZE = 224
CALLS = 4
REPEATS = 20
#: Copies of a stage in one graph: calling TensorFlow from Python costs as much as a light stage.
COPIES = 16
GRAPH_STAGES = 6


def profile(repeats: int = REPEATS) -> dict[str, float]:
    """Measures each stage by itself, over one image.

    Returns:
        CPU milliseconds per image by stage, in order: the graph's stages, then those in Python.
        The cost of calling TensorFlow from Python is measured and taken off.
    """
    recipe = recipe_of(Case())
    picture = _picture()
    jpeg = tf.io.encode_jpeg(picture, quality=JPEG_QUALITY)
    record = frame_record(example(jpeg.numpy(), 7))
    (read,) = read_tfrecord(io.BytesIO(record), "profile")
    gate = RecordGate.of(recipe, ImageLimits())

    decode = _graph(lambda data: images.decode(data, recipe.decode), jpeg)
    pixels = tf.ensure_shape(decode(jpeg), (SIZE, SIZE, 3))
    scale = _graph(lambda p: images.scale(tf.cast(p, tf.float32), recipe.value_range), pixels)
    brightness = _layer(Brightness(BRIGHTNESS))
    blur = _layer(GaussianBlur(kernel_size=KERNEL_SIZE, sigma=SIGMA))
    scaled = scale(pixels)
    bright = brightness(scaled[tf.newaxis])
    quantise = _graph(lambda p: images.quantise(p, recipe.value_range), scaled)
    whole = quantise(blur(bright)[0])
    encode = _graph(lambda p: images.encode(p, recipe.output), whole)
    out = encode(whole).numpy()

    stages: dict[str, Callable[[], Any]] = {
        "(one call)": _copies(tf.identity, pixels),
        "decode JPEG": _copies(decode, jpeg),
        "scale": _copies(scale, pixels),
        "brightness": _copies(brightness, scaled[tf.newaxis]),
        "blur": _copies(blur, bright),
        "quantise": _copies(quantise, scaled),
        "encode JPEG": _copies(encode, whole),
        "read record, checksums": lambda: list(read_tfrecord(io.BytesIO(record), "profile")),
        "gate": lambda: gate.check(read),
        "build Example, frame it": lambda: frame_record(example(out, 7)),
    }
    times = _cpu_milliseconds(stages, repeats)
    call = times.pop("(one call)")
    return {
        name: max(ms - call, 0.0) / COPIES if number < GRAPH_STAGES else ms
        for number, (name, ms) in enumerate(times.items())
    }


def _picture() -> Any:
    from sklearn.datasets import load_sample_images

    return tf.constant(np.ascontiguousarray(load_sample_images().images[0][100:324, 200:424]))


def _graph(function: Callable[[Any], Any], like: Any) -> Callable[[Any], Any]:
    spec = tf.TensorSpec(like.shape, like.dtype)
    return tf.function(function, input_signature=[spec], autograph=False)


def _layer(layer: keras.Layer) -> Callable[[Any], Any]:
    return _graph(layer, tf.zeros((1, SIZE, SIZE, 3)))


def _copies(function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
    """Returns a call of a graph that runs a stage over `COPIES` inputs."""
    # Equal inputs would be merged by the graph's optimiser; it can't know that these are.
    inputs = [tf.identity(argument) for _ in range(COPIES)]
    specs = [tf.TensorSpec(argument.shape, argument.dtype)] * COPIES
    graph = tf.function(
        lambda *all_inputs: [function(one) for one in all_inputs],
        input_signature=specs,
        autograph=False,
    ).get_concrete_function()
    return lambda: graph(*inputs)


def _cpu_milliseconds(stages: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in stages}
    for function in stages.values():
        function()
    for _ in range(repeats):
        for name, function in stages.items():
            start = time.process_time()
            for _ in range(CALLS):
                function()
            times[name].append((time.process_time() - start) / CALLS * 1e3)
    return {name: median(values) for name, values in times.items()}


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print(json.dumps(profile(*(int(argument) for argument in sys.argv[1:2]))))
