"""`make demo-mask`: a mask is learned, baked, applied at scale, and served.

1. A job stores the crops as they are.
2. A small model learns how much of a crop is flower; a mask stands before its mean over all
   pixels and is trained with it.
3. `pixelbake.bake` takes the mask out of the model, and a second job applies it to all crops.
4. The same small model without a mask is trained anew on either job's images.
5. The model on masked images is exported; the export is asked about raw crops.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import pixelbake
from pipeline.flower_crops import CROP_SIZE, flower_crops, write_flower_crops
from pipeline.masks_page import write_learned_mask_picture, write_masks_page
from pixelbake.layers import ConditionalPixelTransform

__all__ = ["Figures", "learn_bake_and_apply"]

OUTPUT = Path(__file__).resolve().parent.parent / "demo-output" / "learned-mask"
EPOCHS = 60
#: The mask is learned from so many random starts; the one with the least loss in training is taken.
STARTS = 4


@dataclass(frozen=True)
class Figures:
    """What came out.

    Attributes:
        guessing: Mean absolute error, on held-out crops, of always saying the mean.
        without_mask: That of the model on the images as they are.
        with_mask: That of the same model on the images with the baked mask.
        in_flower: Mean of the mask over held-out pixels that are flower.
        elsewhere: Mean of the mask over all other held-out pixels.
        served: How many held-out crops the export was asked about.
        largest_skew: The largest difference between its answers and the model's own.
        weights_hash: SHA-256 of the baked weights, from the second run's manifest.
    """

    guessing: float
    without_mask: float
    with_mask: float
    in_flower: float
    elsewhere: float
    served: int
    largest_skew: float
    weights_hash: str

    def lines(self) -> list[str]:
        """Returns them as the rows of a table."""
        return [
            f"| always the mean | {self.guessing:.3f} |",
            f"| model on the images as they are | {self.without_mask:.3f} |",
            f"| the same model on images with the baked mask | {self.with_mask:.3f} |",
        ]


def learn_bake_and_apply(folder: Path, epochs: int = EPOCHS) -> Figures:
    """Goes the whole circle, with everything it makes in `folder`."""
    write_flower_crops(folder / "crops")
    plain = _run(folder, "plain", layers=())
    mask = _learn_mask(plain, epochs)
    masked = _run(folder, "masked", layers=pixelbake.bake(mask))

    errors = {}
    for run in (plain, masked):
        keras.utils.set_random_seed(0)
        model = _model()
        _fit(model, run, epochs)
        images, flower = _arrays(run, "eval")
        errors[run] = float(np.abs(model.predict(images, verbose=0)[:, 0] - flower).mean())
    export = folder / "export"
    pixelbake.export_serving_model(model, f"{masked}/transform_graph", str(export))
    served = _serve(export, folder / "crops" / "eval.tfrecord")
    skew = np.abs(served - model.predict(images, verbose=0)[:, 0]).max()

    crops = flower_crops("eval")
    pixels = np.stack([crop for crop, _ in crops]).astype(np.float32) / 255
    is_flower = np.stack([where for _, where in crops])
    layer = next(x for x in mask.layers if isinstance(x, ConditionalPixelTransform))
    values = keras.ops.convert_to_numpy(layer.learned_mask(pixels))[..., 0]
    _, seen = _arrays(plain, "train")
    return Figures(
        guessing=float(np.abs(seen.mean() - flower).mean()),
        without_mask=errors[plain],
        with_mask=errors[masked],
        in_flower=float(values[is_flower].mean()),
        elsewhere=float(values[~is_flower].mean()),
        served=len(served),
        largest_skew=float(skew),
        weights_hash=pixelbake.read_manifest(masked).weights_hashes["layers[0]"],
    )


def _run(folder: Path, name: str, layers: tuple) -> str:
    """Runs the job over the crops; returns the run's folder."""
    output = str(folder / name)
    pixelbake.run_job(
        pixelbake.JobConfig(
            input={
                split: str(folder / "crops" / f"{split}.tfrecord") for split in ("train", "eval")
            },
            output=output,
            recipe=pixelbake.Recipe(
                resize={"height": CROP_SIZE, "width": CROP_SIZE},
                layers=layers,
                passthrough={"flower": "float32"},
            ),
        )
    )
    return output


def _model(*front: keras.Layer) -> keras.Model:
    """A linear model over the mean of all pixels; with a front, of what the front makes of them."""
    image = keras.Input((CROP_SIZE, CROP_SIZE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    for layer in front:
        x = layer([x, x])
    x = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


def _learn_mask(run: str, epochs: int) -> keras.Model:
    losses, models = [], []
    for seed in range(STARTS):
        keras.utils.set_random_seed(seed)
        models.append(_model(ConditionalPixelTransform()))
        losses.append(_fit(models[-1], run, epochs))
    return models[int(np.argmin(losses))]


def _fit(model: keras.Model, run: str, epochs: int) -> float:
    """Trains; returns the last epoch's loss."""
    images, flower = _arrays(run, "train")
    model.compile(keras.optimizers.Adam(0.03), "mse")
    history = model.fit(images, flower, batch_size=50, epochs=epochs, verbose=0)
    return float(history.history["loss"][-1])


def _arrays(run: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    examples = list(pixelbake.read_examples(run, split).as_numpy_iterator())
    return np.stack([e["image"] for e in examples]), np.stack([e["flower"] for e in examples])


def _serve(export: Path, records: Path) -> np.ndarray:
    """Asks the export about raw Examples."""
    raw = tf.constant(list(tf.data.TFRecordDataset(str(records)).as_numpy_iterator()))
    signature = tf.saved_model.load(str(export)).signatures["serving_default"]
    return signature(examples=raw)["outputs"].numpy()[:, 0]


def main() -> None:
    """Prints the figures, and writes them into a page if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--page", type=Path, help="write figures and pictures into this page")
    arguments = parser.parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    figures = learn_bake_and_apply(OUTPUT)
    print("How much of a held-out crop is flower, mean absolute error:")
    for line in figures.lines():
        name, error = line.strip("| ").split(" | ")
        print(f"  {error}  {name}")
    print(
        f"The mask's mean: {figures.in_flower:.2f} in the flower, {figures.elsewhere:.2f} outside."
    )
    print(f"The export, asked about {figures.served} raw crops: off by {figures.largest_skew:.1g}.")
    print(f"SHA-256 of the baked weights: {figures.weights_hash}")
    picture = OUTPUT / "learned-mask.png"
    write_learned_mask_picture(OUTPUT, picture)
    print(f"Everything is in {OUTPUT.parent.name}/{OUTPUT.name}/, and a picture: {picture.name}")
    if arguments.page is not None:
        write_masks_page(arguments.page, figures.lines(), figures, OUTPUT)


if __name__ == "__main__":
    main()
