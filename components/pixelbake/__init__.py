"""pixelbake: pixel transforms written once, run at scale, baked into the serving signature.

Importing this package loads neither TensorFlow nor Beam nor TFX: each name is loaded when it is
first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pixelbake.job import JobConfig as JobConfig
    from pixelbake.job import TransformImages as TransformImages
    from pixelbake.job import fit_recipe as fit_recipe
    from pixelbake.job import read_manifest as read_manifest
    from pixelbake.job import read_quarantine as read_quarantine
    from pixelbake.job import run_job as run_job
    from pixelbake.preprocessing import make_preprocessing_fn as make_preprocessing_fn
    from pixelbake.reading import read_examples as read_examples
    from pixelbake.recipe import Recipe as Recipe
    from pixelbake.recipe import bake as bake
    from pixelbake.recipe import recipe_from_yaml as recipe_from_yaml
    from pixelbake.serving import export_serving_model as export_serving_model
    from pixelbake.verify import verify_golden as verify_golden
    from pixelbake.verify import verify_serving_model as verify_serving_model

_HOME = {
    "JobConfig": "pixelbake.job",
    "Quarantine": "pixelbake.tfx.artifacts",  # Kubeflow imports an artifact by its type's name
    "Recipe": "pixelbake.recipe",
    "TransformImages": "pixelbake.job",
    "bake": "pixelbake.recipe",
    "export_serving_model": "pixelbake.serving",
    "fit_recipe": "pixelbake.job",
    "make_preprocessing_fn": "pixelbake.preprocessing",
    "read_examples": "pixelbake.reading",
    "read_manifest": "pixelbake.job",
    "read_quarantine": "pixelbake.job",
    "recipe_from_yaml": "pixelbake.recipe",
    "run_job": "pixelbake.job",
    "verify_golden": "pixelbake.verify",
    "verify_serving_model": "pixelbake.verify",
}

__all__ = [
    "JobConfig",
    "Recipe",
    "TransformImages",
    "__version__",
    "bake",
    "export_serving_model",
    "fit_recipe",
    "make_preprocessing_fn",
    "read_examples",
    "read_manifest",
    "read_quarantine",
    "recipe_from_yaml",
    "run_job",
    "verify_golden",
    "verify_serving_model",
]


#: Whoever writes `pixelbake.layers.Brightness` need not import the subpackage first.
_SUBPACKAGES = ("layers", "recipe", "tfx")


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
