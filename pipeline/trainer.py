"""Trains a small Keras 3 network on transformed scans and exports it with the graph baked in."""

from __future__ import annotations

import keras
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

import pixelbake

__all__ = ["build_model", "run_fn"]

BATCH_SIZE = 64
CLASSES = 10


def run_fn(fn_args: FnArgs) -> None:
    """Called by TFX's Trainer.

    Args:
        fn_args: `train_files`: patterns of transformed Examples; `transform_output`: the transform
            graph that made them; `train_steps`: number of batches; `serving_model_dir`: where the
            model goes. (Evaluator is the one to look at held-out scans.)
    """
    graph = fn_args.transform_output
    train = _batches(pixelbake.read_examples(fn_args.train_files, transform_graph=graph))

    keras.utils.set_random_seed(0)
    images, _ = train.element_spec
    model = build_model(tuple(images.shape[1:]))
    model.fit(train.shuffle(100, seed=0).repeat(), steps_per_epoch=fn_args.train_steps, verbose=0)
    pixelbake.export_serving_model(model, graph, fn_args.serving_model_dir)


def build_model(image_shape: tuple[int, int, int]) -> keras.Model:
    """Makes the network.

    Args:
        image_shape: `[H, W, C]` of the uint8 images.

    Returns:
        A compiled model from uint8 `[B, H, W, C]` in 0..255 to class probabilities `[B, 10]`.
    """
    images = keras.Input(image_shape, dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(images)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(x))
    model = keras.Model(images, keras.layers.Dense(CLASSES, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _batches(examples: tf.data.Dataset) -> tf.data.Dataset:
    pairs = examples.map(lambda example: (example["image"], example["label"]))
    return pairs.cache().batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)
