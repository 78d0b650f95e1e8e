"""A recipe's steps in words, for labels and pages."""

from __future__ import annotations

import inspect
from typing import Any

from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.layer_classes import class_of
from pixelbake.recipe.nested_layers import nested_arguments
from pixelbake.recipe.recipe import Recipe

__all__ = ["arguments_of", "describe_stages"]

_LONGEST = 60
_COLOURS = {1: "gray", 3: "RGB", 4: "RGBA"}


def arguments_of(spec: LayerSpec) -> str:
    """Returns a layer's arguments that are not its defaults: `kernel_size=5, sigma=2.0`."""
    parameters = inspect.signature(class_of(spec.layer)).parameters
    defaults = {name: _plain(parameter.default) for name, parameter in parameters.items()}
    nested = nested_arguments(class_of(spec.layer))
    return ", ".join(
        f"{name}={_in_words(value) if name in nested else _short(value)}"
        for name, value in spec.config.items()
        if name != "data_format" and (name not in defaults or defaults[name] != value)
    )


def _in_words(nested: Any) -> str:
    """Returns layers that stand inside another: `BoxMask(box=...)`, or a list of them."""
    if isinstance(nested, list):
        return f"[{', '.join(_in_words(one) for one in nested)}]"
    spec = LayerSpec.model_validate(nested)
    return f"{spec.layer}({arguments_of(spec)})"


def describe_stages(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """Returns a title and its details for each stage of a recipe's image graph, in order."""
    resize = recipe.resize
    stages = {"decode": ("as read", _COLOURS[recipe.decode.channels])}
    if resize is not None:
        stages["resize"] = ("resize", f"{resize.width} x {resize.height}, {resize.method}")
    for i, spec in enumerate(recipe.layers):
        stages[f"layers[{i}]"] = (spec.layer, arguments_of(spec))
    stages["stored"] = ("as stored", recipe.output.encoding)
    return stages


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _short(value: Any) -> str:
    if isinstance(value, list) and value and all(one == value[0] for one in value):
        value = value[0]  # as it was given: kernel_size=5 is kept as [5, 5]
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
