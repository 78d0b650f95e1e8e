"""A run over photographs, one of them bad, and models exported with and without skew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pixelbake import JobConfig, export_serving_model, read_examples, run_job
from pixelbake.image_graph import images
from pixelbake.job.config import Limits
from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur, gaussian_blur
from pixelbake.recipe import Output, Recipe, Resize
from pixelbake.transform_graph import write_recipe, write_transform_graph
from tests.raw_examples import example, masks_of, photos, write_examples
from tests.trained_mask_layer import trained_mask_layer

__all__ = ["RECIPE", "SKEWS", "Run", "Skew", "export", "make_run"]

SIZE = Resize(height=40, width=48)
MASK_LAYER = trained_mask_layer()
LAYERS = [Brightness(1.2), GaussianBlur(5, 2.0), MASK_LAYER]
RECIPE = Recipe(mask="mask", resize=SIZE, layers=LAYERS, passthrough={"label": "int64"})
LOSSY = Recipe(resize=SIZE, layers=LAYERS[:2], output=Output(encoding="jpeg"))

PHOTOS = photos(15, [(224, 224), (91, 120), (200, 77)])
MASKS = masks_of(PHOTOS)
#: Positions in the shards; the record at BAD is quarantined.
SHARDS = {"a": range(7), "b": range(7, 8), "c": range(8, 15)}
BAD = 3


@dataclass
class Run:
    """A finished run."""

    folder: str
    recipe: Recipe


def make_run(folder: Path, recipe: Recipe) -> Run:
    for shard, numbers in SHARDS.items():
        rows = [
            example(image=[PHOTOS[n][:500] if n == BAD else PHOTOS[n]], mask=[MASKS[n]], label=[n])
            for n in numbers
        ]
        write_examples(folder / "in" / f"photos-{shard}", rows)
    run = str(folder / "run")
    config = JobConfig(
        input={"all": f"{folder}/in/photos-*"},
        output=run,
        recipe=recipe,
        limits=Limits(max_bad_records=1, max_bad_fraction=1.0),
    )
    run_job(config)
    return Run(run, recipe)


def network(recipe: Recipe) -> keras.Model:
    keras.utils.set_random_seed(5)
    dtype = "float32" if recipe.output.encoding == "float" else "uint8"
    pixels = keras.Input(recipe.output_shape, dtype=dtype)
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.MaxPooling2D(4)(keras.layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(pixels, keras.layers.Dense(5)(keras.layers.Flatten()(x)))


def export(run: Run, folder: Path, recipe: Recipe | None = None) -> str:
    """Exports a network with the run's graph, or with one made of `recipe` here and now."""
    graph = f"{run.folder}/transform_graph"
    if recipe is not None:
        graph = str(folder / "graph")
        write_transform_graph(recipe, graph)
    export_serving_model(network(run.recipe), graph, str(folder / "model"))
    return str(folder / "model")


@dataclass
class Skew:
    """One way in which serving gets away from training.

    `make` returns the recipe to export with, and may patch what makes graphs before.
    """

    stage: str
    make: object
    lossy: bool = False
    recipe_line: str | None = None


def _with_layers(*layers, resize=SIZE):
    has_mask = any(isinstance(layer, ConditionalPixelTransform) for layer in layers)
    return Recipe(
        mask="mask" if has_mask else None,
        resize=resize,
        layers=list(layers),
        passthrough={"label": "int64"},
    )


def _swapped_channels(patch):
    decode = images.decode
    patch.setattr(images, "decode", lambda *args, **named: tf.reverse(decode(*args, **named), [-1]))
    return RECIPE


def _fast_decoder(patch):
    def decode(data, how, *_, **__):
        return tf.io.decode_jpeg(data, channels=how.channels, dct_method="INTEGER_FAST")

    patch.setattr(images, "decode", decode)
    return RECIPE


def _unscaled(patch):
    patch.setattr(images, "scale", lambda pixels, value_range: pixels)
    return RECIPE


def _repeated_border(patch):
    """Repeats the pixels at the border, where the layer mirrors at the centre of the last."""

    def repeated(images, axis, before, after):
        pads = [(before, after) if i == axis else (0, 0) for i in range(4)]
        return keras.ops.pad(images, pads, mode="symmetric")

    patch.setattr(gaussian_blur, "mirrored", repeated)
    return RECIPE


def _one_step_newer(patch):
    """Trains the mask layer for one more step on the photographs."""
    layer = ConditionalPixelTransform()
    layer.build([(None, None, None, 3), (None, None, None, 1)])
    layer.set_weights(MASK_LAYER.get_weights())
    pixels = np.stack([tf.io.decode_jpeg(PHOTOS[n]).numpy() for n in (0, 6)]) / np.float32(255)
    masks = np.stack([tf.io.decode_png(MASKS[n]).numpy() for n in (0, 6)]) / np.float32(255)
    seen, mask = keras.Input((224, 224, 3)), keras.Input((224, 224, 1))
    model = keras.Model([seen, mask], layer([seen, mask]))
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.train_on_batch([pixels, masks], pixels)
    return _with_layers(*LAYERS[:2], layer)


SKEWS = {
    "a factor changed after training": Skew(
        "layers[0]",
        lambda patch: _with_layers(Brightness(1.21), *LAYERS[1:]),
        recipe_line="layers[0].config.factor: 1.2 in the run, 1.21 in the export",
    ),
    "another resize method": Skew(
        "resize",
        lambda patch: _with_layers(*LAYERS, resize=Resize(height=40, width=48, method="bicubic")),
        recipe_line="resize.method: 'bilinear' in the run, 'bicubic' in the export",
    ),
    "no antialias": Skew(
        "resize",
        lambda patch: _with_layers(*LAYERS, resize=Resize(height=40, width=48, antialias=False)),
        recipe_line="resize.antialias: True in the run, False in the export",
    ),
    "BGR for RGB": Skew("decode", _swapped_channels),
    "another decoder": Skew("decode", _fast_decoder),
    "0 to 255 for 0 to 1": Skew("layers[0]", _unscaled),
    "another order of layers": Skew(
        "layers[0]", lambda patch: _with_layers(LAYERS[1], LAYERS[0], LAYERS[2])
    ),
    "another border mode": Skew("layers[1]", _repeated_border),
    "a mask trained one step longer": Skew(
        "layers[2]",
        _one_step_newer,
        recipe_line="layers[2].weights[0]: other values in the run than in the export",
    ),
    "a layer less": Skew(
        "layers[1]",
        lambda patch: _with_layers(LAYERS[0], LAYERS[2]),
        recipe_line="layers: 3 in the run, 2 in the export",
    ),
    "another JPEG quality": Skew(
        "encode",
        lambda patch: Recipe(
            resize=SIZE,
            layers=LAYERS[:2],
            output=Output(encoding="jpeg", jpeg_quality=94),
        ),
        lossy=True,
        recipe_line="output.jpeg_quality: None in the run, 94 in the export",
    ),
}


def stale_graph(run: Run, folder: Path) -> str:
    """Exports with an old graph that lies beside the new recipe."""
    graph = folder / "graph"
    write_transform_graph(_with_layers(Brightness(1.1), *LAYERS[1:]), str(graph))
    write_recipe(run.recipe, str(graph))
    export_serving_model(network(run.recipe), str(graph), str(folder / "model"))
    return str(folder / "model")


def images_of(run: Run) -> list[np.ndarray]:
    return [row["image"] for row in read_examples(run.folder, "all").as_numpy_iterator()]
