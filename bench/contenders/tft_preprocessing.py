"""The `preprocessing_fn` that stock Transform and TFT by hand are given."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from bench.case import Case
from bench.plain_ops import transform_one

__all__ = ["SCHEMA", "preprocessing_fn", "preprocessing_fn_12mp"]

SCHEMA = """
feature { name: "image" type: BYTES presence { min_fraction: 1.0 } shape {} }
feature { name: "id" type: INT presence { min_fraction: 1.0 } shape {} }
"""


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Transforms crops, which keep their size."""
    return _transform(inputs, Case())


def preprocessing_fn_12mp(inputs: dict[str, Any]) -> dict[str, Any]:
    """Transforms photographs, which are brought to 224 x 224."""
    return _transform(inputs, Case(resize=224))


def _transform(inputs: dict[str, Any], case: Case) -> dict[str, Any]:
    images = tf.map_fn(
        lambda jpeg: transform_one(jpeg, case),
        inputs["image"],
        fn_output_signature=tf.string,
        parallel_iterations=16,
    )
    return {"image": images, "id": inputs["id"]}
