"""What every pixel layer must do, whatever else it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_sample_images


@dataclass(frozen=True)
class Case:
    """One layer under contract.

    Attributes:
        layer: The class.
        config: Its arguments for pixels in [0, 1].
        config_255: Those that differ for pixels in [0, 255], besides `value_range`.
        channels: The numbers of channels that it takes.
        takes_mask: Whether it is called on `[image, mask]`.
        gives_mask: Whether it gives a mask, in [0, 1] whatever its `value_range` is.
        traced_tolerance: How far a traced call may be from an eager one. Other than 0 only where a
            part does not depend on the pixels: it is then computed beforehand, by other kernels.
        mixed_tolerance: How far mixed precision may be from float32, in units of [0, 1].
    """

    layer: type[keras.Layer]
    config: dict[str, Any] = field(default_factory=dict)
    config_255: dict[str, Any] = field(default_factory=dict)
    channels: tuple[int, ...] = (1, 3, 4)
    takes_mask: bool = False
    gives_mask: bool = False
    mixed_tolerance: float = 0.004
    traced_tolerance: float = 0.0

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value}" for name, value in self.config.items())
        return f"{self.layer.__name__}({arguments})"

    def make(self, **more: Any) -> keras.Layer:
        """Makes a fresh layer."""
        return self.layer(**{**self.config, **more})

    def inputs(self, batch: int, channels: int = 3, height: int = 20, width: int = 27) -> Any:
        images = photographs(batch, channels, height, width)
        if not self.takes_mask:
            return images
        return [images, photographs(batch, 1, height, width)[:, ::-1]]


def photographs(batch: int, channels: int, height: int, width: int) -> np.ndarray:
    """Crops of the two photographs as float32 `[batch, height, width, channels]` in [0, 1]."""
    china, flower = load_sample_images().images
    crops = []
    for i in range(batch):
        source = (china, flower)[i % 2]
        top, left = 180 + 23 * i, 200 + 53 * i
        rgb = source[top : top + height, left : left + width].astype(np.float32) / 255
        gray = rgb.mean(-1, keepdims=True)
        crops.append(np.concatenate([rgb, gray], -1)[..., : channels if channels > 1 else 4])
    if channels == 1:
        crops = [crop[..., 3:] for crop in crops]
    return np.stack(crops) if crops else np.zeros((0, height, width, channels), np.float32)


def run_eagerly(layer: keras.Layer, inputs) -> np.ndarray:
    return keras.ops.convert_to_numpy(layer(inputs))


def run_traced(layer: keras.Layer, inputs) -> np.ndarray:
    return tf.function(layer.__call__, autograph=False)(inputs).numpy()


def model_of(case: Case, layer: keras.Layer, channels: int) -> keras.Model:
    image = keras.Input((None, None, channels))
    if not case.takes_mask:
        return keras.Model(image, layer(image))
    mask = keras.Input((None, None, 1))
    return keras.Model([image, mask], layer([image, mask]))


def reload_keras_file(model: keras.Model, folder: Path) -> keras.Model:
    path = folder / "model.keras"
    model.save(path)
    return keras.saving.load_model(path, safe_mode=True)
