"""Layers that hold chains of other layers: how these stand in a config, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import keras

__all__ = ["argument_of", "chains_of", "nested_arguments", "own_weights", "places"]

T = TypeVar("T")


def nested_arguments(cls: type[keras.Layer]) -> dict[str, int]:
    """Returns the arguments that hold layers: 1 for one chain of them, 2 for a list of chains."""
    arguments: dict[str, int] = getattr(cls, "nested_layers", {})
    return arguments


def chains_of(value: Any, depth: int) -> list[list[Any]]:
    """Returns the chains in an argument; one layer stands for a chain of one.

    Args:
        value: None, a layer, or a list of layers; with depth 2 also lists in the list.
        depth: See `nested_arguments`.
    """
    if value is None:
        return []
    return [_list_of(value)] if depth == 1 else [_list_of(chain) for chain in _list_of(value)]


def argument_of(chains: list[list[Any]], depth: int) -> Any:
    """Returns the argument that holds these chains, in its shortest form."""
    parts = [chain[0] if len(chain) == 1 else list(chain) for chain in chains]
    if depth == 1:
        return parts[0] if parts else None
    return parts


def places(
    name: str, chains: list[list[T]], depth: int
) -> Iterator[tuple[tuple[str | int, ...], int, T]]:
    """Yields, of every layer in an argument, the keys that lead to it and its place in its chain.

    Args:
        name: The argument's name.
        chains: What `chains_of` returned.
        depth: See `nested_arguments`.
    """
    for i, chain in enumerate(chains):
        for j, layer in enumerate(chain):
            at: tuple[str | int, ...] = ("config", name)
            if depth == 2:
                at = (*at, i)
            yield (*at, j) if len(chain) > 1 else at, j, layer


def own_weights(layer: keras.Layer) -> list[Any]:
    """Returns the weights of a layer that are not those of the layers nested in it."""
    arguments = nested_arguments(type(layer))
    nested = {
        id(weight)
        for name, depth in arguments.items()
        for chain in chains_of(getattr(layer, name), depth)
        for inner in chain
        for weight in inner.weights
    }
    return [weight for weight in layer.weights if id(weight) not in nested]


def _list_of(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
