"""A picture of two images and of their difference."""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["write_difference"]

_MIN_SIDE = 224
_GAP = 8


def write_difference(
    path: str, run: np.ndarray, served: np.ndarray, value_range: tuple[float, float]
) -> None:
    """Writes a PNG: the run's image, the served one, and their difference, brightened.

    Args:
        path: Where to.
        run: `[H, W, C]`, uint8 or float32 in `value_range`.
        served: Likewise; of another shape, it is shown without a difference.
        value_range: The range of float32 images.
    """
    a, b = _rgb(run, value_range), _rgb(served, value_range)
    panels = [a, b]
    if run.shape == served.shape:
        apart = np.abs(run.astype(np.float64) - served.astype(np.float64))
        largest = float(apart.max()) or 1.0
        panels.append(_rgb(np.round(apart * (255 / largest)).astype(np.uint8), value_range))
    scale = max(1, -(-_MIN_SIDE // max(max(p.shape[:2]) for p in panels)))
    panels = [np.kron(p, np.ones((scale, scale, 1), np.uint8)) for p in panels]
    height = max(p.shape[0] for p in panels)
    width = sum(p.shape[1] for p in panels) + _GAP * (len(panels) - 1)
    sheet = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for panel in panels:
        sheet[: panel.shape[0], left : left + panel.shape[1]] = panel
        left += panel.shape[1] + _GAP
    Image.fromarray(sheet).save(path, "PNG")


def _rgb(image: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    if image.dtype != np.uint8:
        image = np.round(np.clip(image / value_range[1], 0, 1) * 255).astype(np.uint8)
    if image.ndim != 3:
        image = image.reshape(1, -1, 1)
    return np.repeat(image[..., :1], 3, -1) if image.shape[-1] < 3 else image[..., :3]
