"""Compares an exported model with what a run materialised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pixelbake.files import local_copy
from pixelbake.recipe import Recipe
from pixelbake.verify.export_process import Answers, ask_export
from pixelbake.verify.first_difference import first_difference
from pixelbake.verify.golden import check_golden, check_is_export, recipe_of_export
from pixelbake.verify.picture import write_difference
from pixelbake.verify.pixel_difference import (
    PixelDifference,
    pixel_bound,
    stored_pixels,
)
from pixelbake.verify.prediction_difference import prediction_differences
from pixelbake.verify.recipe_difference import recipe_differences
from pixelbake.verify.sample import Materialised, SampledRecord, sample_records
from pixelbake.verify.verification import Verification, WorstRecord

__all__ = ["verify_materialised", "verify_serving_model"]


def verify_serving_model(
    run: str,
    serving_model: str,
    *,
    sample: int = 64,
    allow_rounding: bool = False,
    picture: str | None = None,
) -> Verification:
    """Sends raw records of a run through an exported model, and compares with what the run made.

    The export is asked in a fresh process that can import TensorFlow and NumPy only. Its pixels
    (`transform_features`) must equal the run's, bit for bit. Its predictions on raw records
    (`serving_default`, `serve_image_bytes`, `serve_valid_images`) must equal its predictions on the
    run's own images (`serve_pixels`) within 1e-5 of the largest of them, or of 1.

    Args:
        run: The folder of a finished run. Its raw records must still be where they were.
        serving_model: The folder that `export_serving_model` wrote.
        sample: How many records to compare, at least 1. They are spread over all shards, and are
            the same each time.
        allow_rounding: Whether pixels may differ as they do between processors and TensorFlow
            versions: by one step, in 1 of 10,000 values at most (see docs/consistency.md).
        picture: Where to write a PNG of the worst record, if there is skew.

    Returns:
        What was found; `consistent` is the verdict.

    Raises:
        ValueError: `sample` is below 1.
        InputError: The folder is no such export, or the raw records are gone or have changed.
        RunError: The run is not finished, or damaged.
    """
    return verify_materialised(
        Materialised.of_run(run),
        serving_model,
        name=run,
        sample=sample,
        allow_rounding=allow_rounding,
        picture=picture,
    )


@dataclass(frozen=True)
class _Compared:
    """One record's outcome."""

    record: SampledRecord
    run: np.ndarray
    served: np.ndarray | None
    difference: PixelDifference
    error: str | None


def verify_materialised(
    run: Materialised,
    serving_model: str,
    *,
    name: str,
    sample: int,
    allow_rounding: bool,
    picture: str | None,
) -> Verification:
    """Does what `verify_serving_model` does, wherever the parts of the run are."""
    if sample < 1:
        raise ValueError(f"sample must be at least 1. Received: sample={sample}.")
    check_is_export(serving_model)
    recipe = run.manifest.recipe
    export_recipe = recipe_of_export(serving_model)
    records = sample_records(run, sample)
    stored = [_stored_image(record.stored, recipe) for record in records]
    ours = [stored_pixels(one, recipe) for one in stored]
    answers = ask_export(serving_model, recipe.image_features, [r.raw for r in records], ours)
    compared = [
        _compare(i, records[i], ours[i], answers, export_recipe or recipe)
        for i in range(len(records))
    ]
    total = PixelDifference()
    for one in compared:
        total = total.plus(one.difference)
    bound = pixel_bound(recipe, allow_rounding)
    # The fraction is judged over all records: one small image has too few values for it.
    per_record = bound.model_copy(update={"fraction": 1.0 if bound.fraction else 0.0})
    predictions = prediction_differences(answers, len(records))
    skewed = [
        i
        for i, one in enumerate(compared)
        if one.error is not None or not one.difference.is_within(per_record)
    ]
    found = Verification(
        run=name,
        serving_model=serving_model,
        records=len(records),
        of=sum(split.written for split in run.manifest.splits.values()),
        skewed=len(skewed),
        pixels=total,
        bound=bound,
        predictions=tuple(one for one, _ in predictions),
        recipe_differences=()
        if export_recipe is None
        else tuple(recipe_differences(recipe, export_recipe)),
    )
    if answers.golden and export_recipe is not None:
        golden = check_golden(serving_model, export_recipe, answers.golden, allow_rounding)
        found = found.model_copy(update={"golden": golden})
    if found.is_consistent_with_run:
        return found
    if skewed or total.differing:
        worst = max(
            range(len(compared)),
            key=lambda i: (compared[i].error is not None, compared[i].difference.rank()),
        )
        image = stored[worst]
        with local_copy(run.transform_graph) as graph:
            stage = first_difference(
                graph,
                recipe,
                serving_model,
                records[worst].raw,
                image if isinstance(image, bytes) else None,
            )
    else:
        worst = max(predictions, key=lambda pair: pair[0].largest or np.inf)[1]
        stage = "model"
    return found.model_copy(update={"worst": _worst(compared[worst], stage, recipe, picture)})


def _worst(one: _Compared, stage: str | None, recipe: Recipe, picture: str | None) -> WorstRecord:
    if picture is not None and one.served is not None:
        write_difference(picture, one.run, one.served, recipe.value_range)
    return WorstRecord(
        split=one.record.split,
        file=one.record.file,
        index=one.record.index,
        offset=one.record.offset,
        pixels=one.difference,
        error=one.error,
        stage=stage,
        picture=picture if one.served is not None else None,
    )


def _compare(
    i: int, record: SampledRecord, run: np.ndarray, answers: Answers, export_recipe: Recipe
) -> _Compared:
    error = answers.errors["transform_features"].get(i)
    if error is not None:
        lost = PixelDifference(largest=None, differing=run.size, values=run.size)
        return _Compared(record, run, None, lost, error)
    (image,) = answers.rows["transform_features"][i].values()
    is_float = export_recipe.output.encoding == "float"
    served = stored_pixels(image if is_float else image.tobytes(), export_recipe)
    return _Compared(record, run, served, PixelDifference.of(run, served), None)


def _stored_image(stored: bytes, recipe: Recipe) -> bytes | np.ndarray:
    feature = tf.train.Example.FromString(stored).features.feature[recipe.image]
    if recipe.output.encoding == "float":
        return np.asarray(feature.float_list.value, np.float32)
    (image,) = feature.bytes_list.value
    return bytes(image)
