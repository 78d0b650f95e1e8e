"""Makes docs/layers: a page for each layer, from its docstring and its own pixels.

`python -m docs.layer_pages` writes them all; `make docs` does so too.
"""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

import pixelbake.layers as layers
from pipeline.photos import photo_crops

__all__ = ["FOLDER", "index_text", "page_text", "picture_of", "write_pages"]

FOLDER = Path(__file__).parent / "layers"
_SIZE = 176
_GAP = 8
_OVAL = layers.EllipseMask((0.15, 0.15, 0.85, 0.85))


def _in(mask: Any) -> keras.Layer:
    """Shows a mask by what is done inside of it."""
    return layers.Masked(mask, inside=[layers.Pixelate(11)])


#: What each picture shows. A layer without an entry is shown with its defaults.
EXAMPLES = {
    "BoxBlur": lambda: layers.BoxBlur(9),
    "BoxMask": lambda: _in(layers.BoxMask((0.2, 0.2, 0.8, 0.8))),
    "Brightness": lambda: layers.Brightness(1.4),
    "BrightnessNormalization": lambda: layers.BrightnessNormalization(0.5, mean=0.35),
    "CLAHE": lambda: layers.CLAHE(3.0, tile_grid_size=4),
    "CombinedMask": lambda: _in(
        layers.CombinedMask("intersection", [_OVAL, layers.BoxMask((0.5, 0.0, 1.0, 1.0))])
    ),
    "Contrast": lambda: layers.Contrast(1.8),
    "ContrastStretching": lambda: layers.ContrastStretching(darkest=0.15, brightest=0.7),
    "Crop": lambda: layers.Crop(30, 40, 100, 120),
    "EllipseMask": lambda: _in(_OVAL),
    "Fill": lambda: layers.Masked(_OVAL, inside=[layers.Fill((0.9, 0.6, 0.1))]),
    "Flip": lambda: layers.Flip("horizontal"),
    "Gamma": lambda: layers.Gamma(0.5),
    "GaussianBlur": lambda: layers.GaussianBlur(11, 3.0),
    "Hue": lambda: layers.Hue(0.3),
    "Masked": lambda: layers.Masked(_OVAL, outside=[layers.GaussianBlur(15, 5.0)]),
    "MedianBlur": lambda: layers.MedianBlur(5),
    "Pad": lambda: layers.Pad(20, mode="reflect"),
    "Pixelate": lambda: layers.Pixelate(11),
    "PolygonMask": lambda: _in(layers.PolygonMask([(0.5, 0.1), (0.9, 0.9), (0.1, 0.9)])),
    "Posterize": lambda: layers.Posterize(2),
    "Saturation": lambda: layers.Saturation(2.0),
    "Sharpen": lambda: layers.Sharpen(2.0),
    "Solarize": lambda: layers.Solarize(0.5),
    "ThresholdMask": lambda: _in(layers.ThresholdMask(0.5)),
}
#: Which photograph shows best what it does; the fifth shows the others.
_PHOTOS = {"CLAHE": 10, "MedianBlur": 20}
#: Their pixels come from weights that have to be trained, or from a feature of the data.
NO_PICTURE = ("ConditionalPixelTransform", "FeatureMask")

_SECTIONS = {
    "Args:": "## Arguments",
    "Call arguments:": "## Call arguments",
    "Raises:": "## Errors",
    "Returns:": "## Returns",
    "Output shape:": "## Output shape",
}


def picture_of(name: str) -> Image.Image | None:
    """Returns a photograph before and after the layer, side by side; None without a picture."""
    if name in NO_PICTURE:
        return None
    layer = EXAMPLES[name]() if name in EXAMPLES else getattr(layers, name)()
    photo = list(photo_crops())[_PHOTOS.get(name, 4)][:_SIZE, -_SIZE:]
    made = np.asarray(layer(photo[np.newaxis].astype(np.float32) / 255))[0]
    after = np.round(np.clip(made, 0, 1) * 255).astype(np.uint8)
    after = np.broadcast_to(after, (*after.shape[:2], 3))
    height = max(len(photo), len(after))
    picture = Image.new("RGB", (_SIZE + _GAP + after.shape[1], height), "white")
    picture.paste(Image.fromarray(photo), (0, 0))
    picture.paste(Image.fromarray(after), (_SIZE + _GAP, 0))
    return picture


def page_text(name: str) -> str:
    """Returns a layer's page as Markdown, from its docstring."""
    lines = [f"# {name}", ""]
    if name not in NO_PICTURE:
        lines += [f"![A photograph, and the same after {name}]({_file(name)}.jpg)", ""]
    lines += _markdown(inspect.cleandoc(getattr(layers, name).__doc__ or ""))
    return "\n".join([*lines, "", "[All layers](README.md)"]) + "\n"


def index_text() -> str:
    """Returns the page that lists all layers."""
    lines = [
        "# Layers",
        "",
        "Pictures and texts come from the layers themselves (`make docs`).",
        "",
        "| layer | what it does |",
        "|---|---|",
    ]
    for name in sorted(layers.__all__):
        first = inspect.cleandoc(getattr(layers, name).__doc__ or "").split("\n\n")[0]
        lines.append(f"| [{name}]({_file(name)}.md) | {' '.join(first.split())} |")
    return "\n".join(lines) + "\n"


def as_jpeg(picture: Image.Image) -> bytes:
    """Returns a picture as it is kept."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88, optimize=True)
    return file.getvalue()


def write_pages() -> None:
    """Writes every page and picture."""
    FOLDER.mkdir(exist_ok=True)
    for name in layers.__all__:
        (FOLDER / f"{_file(name)}.md").write_text(page_text(name))
        picture = picture_of(name)
        if picture is not None:
            (FOLDER / f"{_file(name)}.jpg").write_bytes(as_jpeg(picture))
    (FOLDER / "README.md").write_text(index_text())


def _file(name: str) -> str:
    """Returns a class's name as its module is named."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _markdown(docstring: str) -> Iterator[str]:
    """Yields a Google-style docstring as Markdown: sections as headings, arguments as lists."""
    in_section = in_code = False
    for line in docstring.splitlines():
        in_code ^= line.strip().startswith("```")
        if line in _SECTIONS:
            in_section = True
            yield from (_SECTIONS[line], "")
        elif in_section and line.startswith("    ") and not in_code:
            text = line[4:]
            found = re.match(r"([\w*]+): (.*)", text)
            if found:
                yield f"- `{found[1]}`: {found[2]}"
            else:
                yield f"  {text.strip()}" if text.startswith(" ") else text
        else:
            yield line


if __name__ == "__main__":
    write_pages()
