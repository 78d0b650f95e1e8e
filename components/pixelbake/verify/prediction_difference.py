"""Compares predictions on raw records with predictions on the run's own images."""

from __future__ import annotations

import numpy as np

from pixelbake.verify.export_process import Answers
from pixelbake.verify.verification import PredictionDifference

__all__ = ["prediction_differences"]

_RAW_SIGNATURES = ("serving_default", "serve_image_bytes", "serve_valid_images")

#: A model's own sums may be rounded otherwise from one call to the next (threads, batch).
TOLERANCE = 1e-5


def prediction_differences(
    answers: Answers, records: int
) -> list[tuple[PredictionDifference, int]]:
    """Compares every output of every signature that takes raw records.

    Args:
        answers: What the export says.
        records: How many records there are.

    Returns:
        For each, how far it is off, and the position of the record where it is furthest off.
    """
    reference = answers.rows["serve_pixels"]
    outputs = sorted({name for row in reference.values() for name in row})
    found = []
    for signature in _RAW_SIGNATURES:
        rows = answers.rows[signature]
        if not outputs:
            lost = PredictionDifference(
                signature=signature, output="(all)", largest=None, bound=TOLERANCE
            )
            found.append((lost, 0))
        for output in outputs:
            scale = max(_magnitude(row[output]) for row in reference.values())
            bound = TOLERANCE * max(1.0, scale)
            apart = [
                _apart(rows.get(i, {}).get(output), reference.get(i, {}).get(output))
                for i in range(records)
            ]
            worst = int(np.argmax(apart))
            difference = PredictionDifference(
                signature=signature,
                output=output,
                largest=None if np.isinf(apart[worst]) else apart[worst],
                bound=bound if reference[next(iter(reference))][output].dtype.kind == "f" else 0.0,
            )
            found.append((difference, worst))
    return found


def _magnitude(values: np.ndarray) -> float:
    if values.dtype.kind != "f" or values.size == 0:
        return 0.0
    return float(np.abs(np.nan_to_num(values, posinf=0.0, neginf=0.0)).max())


def _apart(a: np.ndarray | None, b: np.ndarray | None) -> float:
    """Returns the largest difference; infinity where there is nothing to compare."""
    if a is None or b is None or a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return np.inf
    if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        return 0.0
    if a.dtype.kind not in "fiu":
        return np.inf
    apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    return float(np.nan_to_num(apart, nan=np.inf).max())
