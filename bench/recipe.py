"""The recipe as pixelbake's users write it."""

from __future__ import annotations

from bench.case import BRIGHTNESS, JPEG_QUALITY, KERNEL_SIZE, SIGMA, Case
from pixelbake import Recipe
from pixelbake.layers import Brightness, GaussianBlur

__all__ = ["recipe_of"]


def recipe_of(case: Case) -> Recipe:
    """Returns the recipe of a case; ids are passed through."""
    output = {"encoding": case.encoding}
    if case.encoding == "jpeg":
        output["jpeg_quality"] = JPEG_QUALITY
    # Floats are stored with a fixed shape. The crops have this size already: resizing them to it
    # changes no pixel.
    size = case.resize or (224 if case.encoding == "float" else None)
    return Recipe(
        resize=None
        if size is None
        else {"height": size, "width": size, "reducing_gap": case.reducing_gap},
        layers=[Brightness(BRIGHTNESS), GaussianBlur(kernel_size=KERNEL_SIZE, sigma=SIGMA)],
        output=output,
        passthrough={"id": "int64"},
    )
