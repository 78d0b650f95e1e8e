"""The figures and pictures of docs/masks.md, written by `make demo-mask PAGE=docs/masks.md`."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from pipeline.mask_figures import Figures
from pixelbake.layers import (
    BoxMask,
    EllipseMask,
    Fill,
    GaussianBlur,
    Grayscale,
    Invert,
    Masked,
    Pixelate,
    ThresholdMask,
)

__all__ = ["write_given_masks_picture", "write_learned_mask_picture", "write_masks_page"]

_GAP = 6
_BEGIN, _END = "<!-- figures begin -->", "<!-- figures end -->"


def write_masks_page(page: Path, figures: Figures, images: list[list[np.ndarray]]) -> None:
    """Writes figures between the page's two marks, and its pictures beside it.

    Args:
        page: The Markdown file.
        figures: What came out.
        images: Held-out images, a row for each run.
    """
    folder = page.parent / "images"
    write_given_masks_picture(folder / "masks.png")
    write_learned_mask_picture(images, folder / "learned-mask.png")
    text = page.read_text()
    head, rest = text.split(_BEGIN)
    _, tail = rest.split(_END)
    block = [
        _BEGIN,
        "| how much of a held-out crop is flower | mean absolute error |",
        "|---|---|",
        *(f"| {name} | {error:.3f} |" for name, error in figures.rows()),
        "",
        f"The mask's mean is {figures.in_flower:.2f} over pixels of the flower and "
        f"{figures.elsewhere:.2f} over all others. ServingCheck sent {figures.compared} raw crops "
        "through the export: its answers differ from the model's on the run's images by "
        f"{figures.largest_skew:.1g} at most.",
        _END,
    ]
    page.write_text(head + "\n".join(block) + tail)


def write_given_masks_picture(path: Path) -> None:
    """Writes the photographs with layers inside and outside of masks that were given."""
    palace, flower = load_sample_images().images
    around_flower = [EllipseMask((0.25, 0.17, 0.71, 0.88)), GaussianBlur(21, 5.0)]
    shown = [
        (flower, Masked(around_flower, outside=GaussianBlur(31, 8.0))),
        (flower, Masked(around_flower, outside=Grayscale(output_channels=3))),
        (palace, Masked(BoxMask((0.17, 0.55, 0.5, 0.66)), inside=Fill(0))),
        (palace, Masked(BoxMask((0.13, 0.1, 0.57, 0.9)), inside=Pixelate(16))),
        (palace, Masked([ThresholdMask(0.62), Invert()], inside=Fill((0.1, 0.1, 0.3)))),
    ]
    pictures = []
    for photo, layer in shown:
        pixels = layer(photo[None].astype(np.float32) / 255)
        pictures.append(keras.ops.convert_to_numpy(pixels)[0] * 255)
    _write_sheet([[np.round(one).astype(np.uint8)[::2, ::2] for one in pictures]], path)


def write_learned_mask_picture(images: list[list[np.ndarray]], path: Path, count: int = 8) -> None:
    """Writes some of the images, a row for each run."""
    rows = []
    for row in images:
        chosen = np.linspace(0, len(row) - 1, count).round().astype(int)
        rows.append([row[i].repeat(2, 0).repeat(2, 1) for i in chosen])
    _write_sheet(rows, path)


def _write_sheet(rows: list[list[np.ndarray]], path: Path) -> None:
    height, width, _ = rows[0][0].shape
    size = (len(rows[0]) * (width + _GAP) + _GAP, len(rows) * (height + _GAP) + _GAP)
    sheet = Image.new("RGB", size, "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            left, top = _GAP + x * (width + _GAP), _GAP + y * (height + _GAP)
            sheet.paste(Image.fromarray(image), (left, top))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)
