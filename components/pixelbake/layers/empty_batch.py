"""Keeps empty batches away from convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

__all__ = ["unless_empty"]


def unless_empty(function: Callable[[Any], Any], images: Any, channels: int) -> Any:
    """Returns `function(images)`, or an empty batch without calling it.

    oneDNN's convolutions give an empty batch the height and width of their padded input, which
    the next layer can't take. Where the batch size is known when tracing, as in a recipe, nothing
    is added to the graph.

    Args:
        function: From `[B, H, W, C]` to `[B, H, W, channels]`.
        images: `[B, H, W, C]`, C at least `channels`.
        channels: Number of channels of the result.
    """
    batch = images.shape[0]
    if batch is None:
        return ops.cond(
            ops.shape(images)[0] > 0,
            lambda: function(images),
            lambda: images[..., :channels],
        )
    return function(images) if batch > 0 else images[..., :channels]
