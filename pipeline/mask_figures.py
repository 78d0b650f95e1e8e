"""What came out of two runs of the mask pipeline, as their artifacts say it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow_model_analysis as tfma

import pixelbake
from pipeline.flower_crops import flower_crops
from pixelbake.layers import ConditionalPixelTransform

__all__ = ["Figures", "held_out_images", "read_figures"]


@dataclass(frozen=True)
class Figures:
    """What came out.

    Attributes:
        guessing: Mean absolute error, on held-out crops, of always saying the mean.
        without_mask: That of the first run's model, by the second run's Evaluator.
        with_mask: That of the second run's, whose recipe has the mask in it; by the same.
        in_flower: Mean of the mask over held-out pixels that are flower.
        elsewhere: Mean of the mask over all other held-out pixels.
        compared: How many raw crops ServingCheck sent through the export.
        largest_skew: The largest difference between its answers and the model's own.
        weights_hash: SHA-256 of the mask's weights, from the second run's manifest.
    """

    guessing: float
    without_mask: float
    with_mask: float
    in_flower: float
    elsewhere: float
    compared: int
    largest_skew: float
    weights_hash: str

    def rows(self) -> list[tuple[str, float]]:
        """Returns the errors with what they are the errors of."""
        return [
            ("always the mean", self.guessing),
            ("first run: model on the images as they are", self.without_mask),
            ("second run: the same model, the baked mask in its recipe", self.with_mask),
        ]


def read_figures(root: Path) -> Figures:
    """Reads what the last run in a pipeline's folder says of itself and of the one before."""
    evaluation = str(_outputs(root, "Evaluator", "evaluation")[-1])
    examples = _outputs(root, "PixelTransform", "transformed_examples")[-1]
    manifest = pixelbake.read_manifest(str(examples))
    blessing = _outputs(root, "ServingCheck", "blessing")[-1]
    checked = json.loads((blessing / "verification.json").read_text())
    in_flower, elsewhere = _mask_means(manifest.recipe)
    return Figures(
        guessing=_error_of_guessing(),
        without_mask=_error(evaluation, tfma.BASELINE_KEY),
        with_mask=_error(evaluation, tfma.CANDIDATE_KEY),
        in_flower=in_flower,
        elsewhere=elsewhere,
        compared=checked["records"],
        largest_skew=max(one["largest"] for one in checked["predictions"]),
        weights_hash=manifest.weights_hashes["layers[0]"],
    )


def held_out_images(root: Path) -> list[list[np.ndarray]]:
    """Returns the held-out images of each run, in order, as its trainer would have read them."""
    return [
        [
            example["image"]
            for example in pixelbake.read_examples(
                f"{examples}/Split-eval/*", transform_graph=str(graph)
            ).as_numpy_iterator()
        ]
        for examples, graph in zip(
            _outputs(root, "PixelTransform", "transformed_examples"),
            _outputs(root, "PixelTransform", "transform_graph"),
            strict=True,
        )
    ]


def _outputs(root: Path, component: str, output: str) -> list[Path]:
    """Returns one output of a component in each run; TFX numbers them."""
    folders = (root / "artifacts" / component / output).iterdir()
    return sorted(folders, key=lambda folder: int(folder.name))


def _error(evaluation: str, model: str) -> float:
    metrics = tfma.load_eval_result(evaluation, model_name=model).get_metrics_for_slice()
    return float(metrics["mean_absolute_error"]["doubleValue"])


def _error_of_guessing() -> float:
    shares = {
        split: np.array([is_flower.mean() for _, is_flower in flower_crops(split)])
        for split in ("train", "eval")
    }
    return float(np.abs(shares["train"].mean() - shares["eval"]).mean())


def _mask_means(recipe: pixelbake.Recipe) -> tuple[float, float]:
    """Returns the mean of the recipe's mask inside and outside of the flower."""
    crops = flower_crops("eval")
    pixels = np.stack([crop for crop, _ in crops]).astype(np.float32) / 255
    is_flower = np.stack([where for _, where in crops])
    layers = recipe.build_model().layers
    layer = next(one for one in layers if isinstance(one, ConditionalPixelTransform))
    mask = keras.ops.convert_to_numpy(layer.learned_mask(pixels))[..., 0]
    return float(mask[is_flower].mean()), float(mask[~is_flower].mean())
