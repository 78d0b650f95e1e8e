"""What an exact form is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Form", "White"]

#: From an image `[1, H, W, C]` and the mask that comes with it (the image itself where the recipe
#: has none), both on the grid, to an image on the grid. Called while a graph is traced.
Form = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class White:
    """The upper ends of the ranges in which a layer itself would see its inputs; black is 0.

    Attributes:
        image: Of the image: 1 or 255; 1 for a layer over a mask.
        given: Of the mask that comes with the image: 1, or `image` where that is the image itself.
    """

    image: float
    given: float
