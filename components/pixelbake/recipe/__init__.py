"""What is done to the pixels, as data: from Python, YAML, JSON or a `.keras` file."""

from pixelbake.plain.parts import Decode, Feature, Output, Resize
from pixelbake.recipe.baking import bake
from pixelbake.recipe.keras_file import layers_from_keras_file
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.recipe import Recipe
from pixelbake.recipe.weight import Weight
from pixelbake.recipe.yaml_file import recipe_from_yaml

__all__ = [
    "Decode",
    "Feature",
    "LayerSpec",
    "Output",
    "Recipe",
    "Resize",
    "Weight",
    "bake",
    "layers_from_keras_file",
    "recipe_from_yaml",
]
