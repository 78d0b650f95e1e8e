"""A recipe from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from pixelbake.errors import ConfigError, RecipeError
from pixelbake.recipe.keras_file import layers_from_keras_file
from pixelbake.recipe.layer import LayerSpec
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
    YAML file, instead. The same goes for layers inside of others, such as a trained mask:

    ```yaml
    layers:
      - layer: Masked
        config:
          mask: {keras_file: mask.keras}
          outside: {layer: GaussianBlur, config: {kernel_size: 9, sigma: 3.0}}
    ```

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
    if isinstance(layers, Mapping):
        loaded["layers"] = _layers_of(loaded, "layers", path, key)
    elif isinstance(layers, list):
        for i, layer in enumerate(layers):
            _with_nested_layers(layer, path, f"{key}.{i}")


def _with_nested_layers(layer: Any, path: Path, key: str) -> None:
    """Does so in the config of a layer that holds others."""
    config = layer.get("config") if isinstance(layer, Mapping) else None
    if not isinstance(config, CommentedMap):
        return
    for name, value in config.items():
        if isinstance(value, Mapping) and "keras_file" in value:
            config[name] = list(_layers_of(config, name, path, f"{key}.config.{name}"))
            continue
        for i, inner in enumerate(value if isinstance(value, list) else [value]):
            where = f"{key}.config.{name}" + (f".{i}" if isinstance(value, list) else "")
            _with_nested_layers(inner, path, where)


def _layers_of(holder: CommentedMap, name: str, path: Path, key: str) -> tuple[LayerSpec, ...]:
    """Returns the layers of the `.keras` file that `holder[name]` names."""
    value = holder[name]
    line = holder.lc.key(name)[0] + 1
    if list(value) != ["keras_file"] or not isinstance(value["keras_file"], str):
        raise ConfigError(
            f"{path}, line {line}, {key}: expected a list of layers, or keras_file with a path. "
            f"Received: {dict(value)!r}."
        )
    try:
        return layers_from_keras_file(path.parent / value["keras_file"])
    except RecipeError as error:
        raise ConfigError(f"{path}, line {line}, {key}.keras_file: {error}") from error
