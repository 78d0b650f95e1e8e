"""Makes `.keras` files: honest ones by Keras, and others by changing what is in them."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np

from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur

__all__ = [
    "Noisy",
    "change_config",
    "change_weights",
    "masking_model",
    "members_of",
    "save",
    "scramble",
    "sequential",
    "straight_functional",
    "write_members",
]


@keras.saving.register_keras_serializable(package="keras_file_tests")
class Noisy(keras.Layer):
    """A registered layer that is random inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        return inputs


def scramble(model: keras.Model) -> keras.Model:
    """Gives every weight a value that no initialiser gives."""
    random = np.random.default_rng(5)
    model.set_weights([random.normal(0, 0.3, w.shape) for w in model.weights])
    return model


def sequential() -> keras.Model:
    return scramble(
        keras.Sequential(
            [
                keras.Input((None, None, 3)),
                Brightness(1.2),
                keras.layers.Conv2D(3, 3, padding="same", activation="relu"),
                GaussianBlur((3, 5), 1.0),
                keras.layers.Rescaling(0.5, offset=0.1),
            ]
        )
    )


def straight_functional() -> keras.Model:
    image = keras.Input((None, None, 3))
    x = keras.layers.SeparableConv2D(4, 3)(GaussianBlur(3, 0.8)(image))
    return scramble(keras.Model(image, keras.layers.Conv2D(3, 1)(x)))


def masking_model() -> keras.Model:
    image, mask = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    x = ConditionalPixelTransform(5)([keras.layers.Rescaling(0.9)(image), mask])
    x = ConditionalPixelTransform()([Brightness(1.1)(x), mask])
    return scramble(keras.Model([image, mask], x))


def save(model: keras.Model, folder: Path, name: str = "model.keras") -> Path:
    model.save(folder / name)
    return folder / name


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: list[tuple[str, bytes]], method=zipfile.ZIP_STORED) -> Path:
    """Writes a zip file; `members` may name one twice."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.simplefilter("ignore", UserWarning)
        for name, data in members:
            archive.writestr(name, data)
    return path


def change_config(path: Path, change: Callable[[dict], None]) -> Path:
    members = members_of(path)
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    return write_members(path, list(members.items()))


def change_weights(path: Path, change: Callable[[h5py.File], None]) -> Path:
    members = members_of(path)
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(file)
    members["model.weights.h5"] = buffer.getvalue()
    return write_members(path, list(members.items()))
