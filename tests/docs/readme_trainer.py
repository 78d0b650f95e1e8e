"""What a TFX Trainer calls: the README's lines for a `run_fn`, with a model for them to train."""

import keras

from tests.docs.blocks import block


def run_fn(fn_args):
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((224, 224, 3), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
        keras.layers.AveragePooling2D(28),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential(layers)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    exec(block("README.md", "fn_args.train_files"), {"fn_args": fn_args, "model": model})
