"""A sheet of images before and after a run, as the run's own files hold them.

`python -m pipeline.picture FILE` makes the one in the README.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

import pixelbake
from pipeline.photos import transform_photos

__all__ = ["write_picture"]

_GAP = 8
_TITLE = 28


def write_picture(run: Path, split: str, path: Path, count: int = 4) -> None:
    """Writes a PNG with raw images above and transformed ones below.

    Args:
        run: The folder of a finished run whose images are of one size.
        split: The split to show.
        path: The PNG to write.
        count: How many images, spread evenly over the split.
    """
    manifest = pixelbake.read_manifest(str(run))
    files = list(manifest.inputs[split])
    spec = {manifest.recipe.image: tf.io.FixedLenFeature((), tf.string)}
    raw = [
        tf.io.decode_image(tf.io.parse_single_example(data, spec)[manifest.recipe.image]).numpy()
        for data in tf.data.TFRecordDataset(files)
    ]
    transformed = [
        example[manifest.recipe.image]
        for example in pixelbake.read_examples(str(run), split).as_numpy_iterator()
    ]
    chosen = np.linspace(0, len(raw) - 1, count).round().astype(int)
    steps = ", then ".join(
        f"{layer.layer}({', '.join(f'{k}={v}' for k, v in layer.config.items())})"
        for layer in manifest.recipe.layers
    )
    height, width, _ = raw[0].shape
    size = (_GAP + count * (width + _GAP), 2 * (_TITLE + height + _GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for row, (title, images) in enumerate((("as read", raw), (steps, transformed))):
        top = row * (_TITLE + height + _GAP)
        draw.text((_GAP, top + 6), title, fill="black", font=font)
        for column, index in enumerate(chosen):
            image = Image.fromarray(np.broadcast_to(images[index], (height, width, 3)))
            sheet.paste(image, (_GAP + column * (width + _GAP), top + _TITLE))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)


def main() -> None:
    """Transforms the two photographs and writes the sheet to the file named."""
    with tempfile.TemporaryDirectory() as folder:
        write_picture(transform_photos(Path(folder)), "photos", Path(sys.argv[1]))


if __name__ == "__main__":
    main()
