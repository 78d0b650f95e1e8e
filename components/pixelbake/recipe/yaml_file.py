"""A recipe from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml.comments import CommentedMap

from pixelbake.errors import ConfigError, RecipeError
from pixelbake.recipe.keras_file import layers_from_keras_file
from pixelbake.recipe.recipe import Recipe
from pixelbake.yaml_schema import read_yaml, validate

__all__ = ["recipe_from_yaml", "with_keras_layers"]


def recipe_from_yaml(path: str | Path) -> Recipe:
    """Reads a recipe from a YAML file whose keys are `Recipe`'s attributes.

    ```yaml
    resize: {height: 224, width: 224}
    layers:
      - {layer: Brightness, config: {factor: 1.2}}
      - {layer: GaussianBlur, config: {kernel_size: 5, sigma: 2.0}}
    passthrough: {label: int64}
    ```

    `layers: {keras_file: model.keras}` takes the layers of a `.keras` file, named relative to the
    YAML file, instead.

    Raises:
        ConfigError: Names the file, the line, the key, the value received and what is right.
    """
    loaded = read_yaml(path)
    with_keras_layers(loaded, Path(path))
    return validate(loaded, Recipe, path)


def with_keras_layers(loaded: CommentedMap, path: Path, key: str = "layers") -> None:
    """Puts the layers of a `.keras` file where `loaded` names one, in place.

    Args:
        loaded: The recipe as read.
        path: The YAML file.
        key: What the layers' key is called from the top of the file, for errors.

    Raises:
        ConfigError: The file is not one whose layers can be taken.
    """
    layers = loaded.get("layers")
    if not isinstance(layers, Mapping):
        return
    line = loaded.lc.key("layers")[0] + 1
    if list(layers) != ["keras_file"] or not isinstance(layers["keras_file"], str):
        raise ConfigError(
            f"{path}, line {line}, {key}: expected a list of layers, or keras_file with a path. "
            f"Received: {dict(layers)!r}."
        )
    try:
        specs = layers_from_keras_file(path.parent / layers["keras_file"])
    except RecipeError as error:
        raise ConfigError(f"{path}, line {line}, {key}.keras_file: {error}") from error
    loaded["layers"] = specs
