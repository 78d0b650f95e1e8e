"""Takes the layers out of a `.keras` file without trusting it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
from pydantic import ValidationError

from pixelbake.errors import RecipeError
from pixelbake.mistakes import mistakes_in
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.layer_classes import class_of, moves_pixels
from pixelbake.recipe.nested_layers import chains_of, nested_arguments

__all__ = ["layers_from_keras_file", "model_from_keras_file"]

#: A `.keras` file has three members, plus assets that no pixel layer needs.
MAX_MEMBERS = 16
MAX_BYTES = 512 * 2**20
#: Weights hardly compress; 300 KB that inflate to 300 MB are an attack that Keras lets through.
MAX_RATIO = 100.0
#: Below this size a high ratio is harmless (JSON compresses well).
RATIO_FROM_BYTES = 2**20

_CONTAINERS = frozenset({"Functional", "Sequential", "InputLayer"})


def layers_from_keras_file(path: str | Path) -> tuple[LayerSpec, ...]:
    """Takes the layers, weights included, out of a Sequential or straight functional model.

    The file is checked before Keras opens it: its size when unpacked, its members, and the class
    of every layer in its `config.json`. It is then loaded in Keras' safe mode.

    Args:
        path: A `.keras` file whose model takes one image, or an image and a mask for layers over
            `[image, mask]`. Every layer must be one that `LayerSpec` takes.

    Returns:
        The layers in order, as data.

    Raises:
        RecipeError: The file is missing, damaged, too large when unpacked, names a class that
            can't be baked, or its layers don't form one line.
    """
    path = Path(path)
    try:
        members = _read_members(path)
        _check_classes(json.loads(members["config.json"]), path)
        _check_weights_file(members["model.weights.h5"], path)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        return tuple(LayerSpec.model_validate(layer) for layer in _in_line(model, path))
    except RecipeError:
        raise
    except ValidationError as error:
        messages = [mistake.message for mistake in mistakes_in(error, LayerSpec)]
        raise RecipeError(f"{path}: {' '.join(messages)}") from error
    except FileNotFoundError as error:
        raise RecipeError(f"no such file: {path}") from error
    except Exception as error:
        raise RecipeError(f"{path} can't be loaded as a .keras file: {error}") from error


def model_from_keras_file(path: str | Path) -> keras.Model:
    """Loads a whole model, of any layers that Keras' safe mode takes.

    Args:
        path: A `.keras` file; checked before Keras opens it as by `layers_from_keras_file`, but
            for the classes of its layers.

    Raises:
        RecipeError: The file is missing, damaged, too large when unpacked, or not safe to load.
    """
    path = Path(path)
    try:
        members = _read_members(path)
        _check_weights_file(members["model.weights.h5"], path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except RecipeError:
        raise
    except FileNotFoundError as error:
        raise RecipeError(f"no such file: {path}") from error
    except Exception as error:
        line = next(iter(str(error).strip().splitlines()), "")
        raise RecipeError(f"{path} can't be loaded as a .keras file: {line}") from error


def _read_members(path: Path) -> dict[str, bytes]:
    """Unpacks the file in memory, within limits that hold whatever its headers say."""
    if path.suffix != ".keras":
        raise RecipeError(f"expected a .keras file. Received: {path}.")
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > MAX_MEMBERS:
            raise RecipeError(f"{path} has {len(infos)} members; at most {MAX_MEMBERS} are read.")
        names = [info.filename for info in infos]
        missing = {"config.json", "model.weights.h5"} - set(names)
        if missing:
            raise RecipeError(f"{path} is no .keras file: it lacks {', '.join(sorted(missing))}.")
        if len(set(names)) != len(names):
            raise RecipeError(f"{path} has two members of one name: {sorted(names)}.")
        members = {}
        left = MAX_BYTES
        for info in infos:
            with archive.open(info) as member:
                data = member.read(left + 1)
            left -= len(data)
            if left < 0:
                raise RecipeError(f"{path} unpacks to more than {MAX_BYTES} bytes.")
            ratio = len(data) / max(1, info.compress_size)
            if len(data) > RATIO_FROM_BYTES and ratio > MAX_RATIO:
                raise RecipeError(
                    f"{path}: {info.filename} unpacks to {ratio:.0f} times its size; at most "
                    f"{MAX_RATIO:.0f} times is read."
                )
            members[info.filename] = data
    return members


def _check_classes(config: Any, path: Path) -> None:
    """Refuses, before anything is loaded, every layer class that can't be baked."""
    if not isinstance(config, dict) or config.get("class_name") not in _CONTAINERS:
        name = config.get("class_name") if isinstance(config, dict) else type(config).__name__
        raise RecipeError(
            f"{path} holds a {name}; a recipe takes a Sequential or a functional model whose "
            "layers form one line."
        )
    for layer in _with_nested(config.get("config", {}).get("layers", [])):
        name = layer.get("class_name", "?")
        if name in _CONTAINERS - {"InputLayer"}:
            raise RecipeError(f"{path} holds a model inside the model ({name}); flatten it.")
        if name == "InputLayer":
            continue
        try:
            class_of(_name_of(layer))
        except ValueError as error:
            raise RecipeError(f"{path}: {error}") from error


def _name_of(layer: dict[str, Any]) -> str:
    """Returns the name under which a serialised layer's class is allowed or not."""
    registered = layer.get("registered_name")
    known = str(layer.get("module") or "").startswith("keras.") or not registered
    return str(layer.get("class_name", "?") if known else registered)


def _with_nested(layers: list[Any]) -> Iterator[dict[str, Any]]:
    """Yields serialised layers, each before those nested in it, so that it can be refused first."""
    for layer in layers:
        if not isinstance(layer, dict):
            raise TypeError(f"not a layer: {layer!r}")
        yield layer
        if layer.get("class_name") not in _CONTAINERS:
            config = layer.get("config") or {}
            for name, depth in nested_arguments(class_of(_name_of(layer))).items():
                for chain in chains_of(config.get(name), depth):
                    yield from _with_nested(chain)


def _check_weights_file(data: bytes, path: Path) -> None:
    """Refuses weights that point to other files."""
    with h5py.File(io.BytesIO(data), "r") as file:

        def check(group: h5py.Group) -> None:
            for name in group:
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise RecipeError(f"{path}: its weights link elsewhere ({name}).")
                item = group[name]
                if isinstance(item, h5py.Group):
                    check(item)
                elif item.external or item.is_virtual:
                    raise RecipeError(f"{path}: its weights are stored elsewhere ({name}).")

        check(file)


def _in_line(model: keras.Model, path: Path) -> list[keras.Layer]:
    """Returns the layers in order, or says where they leave the line."""
    if isinstance(model, keras.Sequential):
        return list(model.layers)
    inputs = list(model.inputs)
    if len(inputs) > 2 or len(model.outputs) != 1:
        raise RecipeError(
            f"{path} has {len(inputs)} inputs and {len(model.outputs)} outputs; a recipe takes "
            "one image, or an image and a mask, and gives one image."
        )
    at = inputs[0]
    layers: list[keras.Layer] = []
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        taken = list(operation._inbound_nodes[0].input_tensors)
        mask = inputs[1] if len(inputs) == 2 else at
        straight = taken[0] is at and all(tensor is mask for tensor in taken[1:])
        straight = straight and len(operation._inbound_nodes) == 1
        if len(taken) > 1 and mask is not at and any(moves_pixels(type(one)) for one in layers):
            raise RecipeError(
                f"{path}: {operation.name} ({type(operation).__name__}) is called on a mask after "
                "a layer that moves the image's pixels; a recipe would move the mask with them. "
                "Put it before."
            )
        if not isinstance(operation, keras.Layer) or not straight:
            raise RecipeError(
                f"{path}: {operation.name} ({type(operation).__name__}) does not follow the layer "
                "before it; a recipe's layers form one line."
            )
        layers.append(operation)
        at = operation.output
    if model.outputs[0] is not at:
        raise RecipeError(f"{path}: the model's output is not its last layer's.")
    return layers
