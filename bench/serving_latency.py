"""Latency of the export against the bare model: `python -m bench.serving_latency`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import pixelbake
from bench.case import Case
from bench.dataset import JPEG_QUALITY
from bench.recipe import recipe_of
from pixelbake.transform_graph import write_transform_graph

__all__ = ["serving_latency"]

SIZE = 224
CALLS = 200


def serving_latency(calls: int = CALLS) -> dict[str, dict[str, float]]:
    """Calls the exports of a small model, in turn.

    Returns:
        `p50_ms` and `p99_ms` by `"<export> x <batch>"`. `model` takes decoded pixels, `plain`
        decodes JPEGs and nothing more; the others transform before the model, and differ in the
        encoding of the training data.
    """
    model = _model()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        exports = {"model": _bare(model), "plain": _plain(model)}
        for encoding in ("raw", "png", "jpeg"):
            exports[f"export_{encoding}"] = _export(model, encoding, Path(folder) / encoding)
        cases = {
            f"{name} x {batch}": (function, _request(name, batch))
            for batch in (1, 32)
            for name, function in exports.items()
        }
        for number in range(calls + 5):
            for name, (function, request) in cases.items():
                start = time.perf_counter()
                function(request)
                if number >= 5:
                    times.setdefault(name, []).append((time.perf_counter() - start) * 1e3)
    return {
        name: {"p50_ms": float(np.percentile(t, 50)), "p99_ms": float(np.percentile(t, 99))}
        for name, t in times.items()
    }


def _model() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3), dtype="uint8"),
            keras.layers.Rescaling(1.0 / 255.0),
            keras.layers.Conv2D(8, 3, strides=4, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
    )


def _bare(model: keras.Model) -> Callable[[Any], Any]:
    spec = tf.TensorSpec((None, SIZE, SIZE, 3), tf.uint8)
    function = tf.function(lambda x: model(x, training=False), input_signature=[spec])
    return lambda x: function(x).numpy()


def _plain(model: keras.Model) -> Callable[[Any], Any]:
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def function(jpegs):
        pixels = tf.map_fn(
            lambda jpeg: tf.ensure_shape(tf.io.decode_jpeg(jpeg, channels=3), (SIZE, SIZE, 3)),
            jpegs,
            fn_output_signature=tf.uint8,
        )
        return model(pixels, training=False)

    return lambda x: function(x).numpy()


def _export(model: keras.Model, encoding: str, folder: Path) -> Callable[[Any], Any]:
    recipe = recipe_of(Case(resize=SIZE, encoding=encoding))
    write_transform_graph(recipe, str(folder / "graph"))
    pixelbake.export_serving_model(model, str(folder / "graph"), str(folder / "export"))
    loaded = tf.saved_model.load(str(folder / "export"))
    signature = loaded.signatures["serve_image_bytes"]

    def call(jpegs: Any) -> Any:
        _ = loaded  # a signature does not keep what it was loaded with
        (output,) = signature(image_bytes=jpegs).values()
        return output.numpy()

    return call


def _request(name: str, batch: int) -> Any:
    from sklearn.datasets import load_sample_images

    crop = load_sample_images().images[0][100:324, 200:424]
    if name == "model":
        return tf.constant(np.stack([crop] * batch))
    return tf.constant([tf.io.encode_jpeg(crop, quality=JPEG_QUALITY).numpy()] * batch)


if __name__ == "__main__":
    print(json.dumps(serving_latency(*(int(argument) for argument in sys.argv[1:2]))))
