"""What a recipe does to an image, stage by stage, as one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from pixelbake import images as codecs
from pixelbake.errors import InputError
from pixelbake.image_graph import freeze_image_graph
from pixelbake.intake.gate import ImageLimits, Refusal, check_image
from pixelbake.recipe import Recipe
from pixelbake.recipe.description import describe_stages

__all__ = ["Stage", "StageViewer", "preview"]

#: Larger pictures show their middle: a sheet has true pixels, and still fits on a screen.
MAX_TILE = 512
_MIN_TILE = 168
_GAP = 16
_TITLE_SIZE = 15
_TEXT_SIZE = 12
_LINE = 16
_PAPER = (250, 250, 248)
_INK = (28, 28, 30)
_FAINT = (110, 110, 115)


@dataclass(frozen=True)
class Stage:
    """An image after one stage of a recipe.

    Attributes:
        title: The stage, or the layer's name.
        details: The layer's arguments, sizes, bytes.
        pixels: uint8 `[H, W, C]`, as they would be shown; float stages are rounded as the last
            step of the graph rounds.
    """

    title: str
    details: str
    pixels: np.ndarray


class StageViewer:
    """Runs a recipe's own graph over single images and keeps what each stage makes of them.

    Args:
        recipe: What to do to the pixels; its layers must be fitted.
        limits: What may be decoded at all.
    """

    def __init__(self, recipe: Recipe, limits: ImageLimits | None = None) -> None:
        self._recipe = recipe
        self._limits = limits or ImageLimits()
        self._stages = describe_stages(recipe)
        graph = freeze_image_graph(recipe)
        signature = [tf.TensorSpec((), tf.string)] * len(recipe.image_features)

        @tf.function(input_signature=signature, autograph=False)
        def stages_of(*encoded: Any) -> dict[str, Any]:
            return graph.stages(*encoded)

        self._stages_of = stages_of

    def __call__(self, image: bytes, mask: bytes | None = None) -> list[Stage]:
        """Transforms one image.

        Args:
            image: A JPEG or PNG.
            mask: Another, where the recipe has a mask.

        Raises:
            InputError: The gate refuses it, it can't be decoded, or a layer can't take it.
        """
        wanted = len(self._recipe.image_features)
        encoded = (image,) if mask is None else (image, mask)
        if len(encoded) != wanted:
            raise InputError(
                "the recipe takes an image and a mask."
                if wanted == 2
                else "the recipe takes an image and no mask."
            )
        for data in encoded:
            header = check_image(data, self._limits)
            if isinstance(header, Refusal):
                raise InputError(f"{header.message} ({header.reason.value}).")
        try:
            made = self._stages_of(*(tf.constant(data) for data in encoded))
        except tf.errors.OpError as error:
            line = str(error.message).strip().splitlines()[0]
            raise InputError(f"the image can't be transformed: {line}") from error
        return [self._stage(name, made, len(image)) for name in self._stages]

    def _stage(self, name: str, made: dict[str, Any], size: int) -> Stage:
        title, details = self._stages[name]
        if name == "stored":
            pixels, stored = self._stored(made["quantise"])
            details = f"{details}, {stored / 1000:,.1f} KB"
        elif name in ("decode", "resize"):
            pixels = codecs.quantise(tf.cast(made[name], tf.float32), (0.0, 255.0)).numpy()
        else:
            pixels = codecs.quantise(made[name], self._recipe.value_range).numpy()
        if name == "decode":
            details = f"{details}, {size / 1000:,.1f} KB"
        height, width, channels = pixels.shape
        details = f"{width} x {height}\n{details}"
        if channels not in (1, 3, 4):
            details = f"{details}\nchannel 1 of {channels}"
            pixels = pixels[..., :1]
        return Stage(title, details.strip(), pixels)

    def _stored(self, last: Any) -> tuple[np.ndarray, int]:
        """Encodes and decodes as the files will be; JPEG loses by it, and that is to be seen."""
        output = self._recipe.output
        if output.encoding == "float":
            shown = codecs.quantise(last, self._recipe.value_range).numpy()
            return shown, 4 * int(tf.size(last))
        stored = codecs.encode(last, output)
        decoded = codecs.decode_stored(stored, output, tuple(last.shape))
        return decoded.numpy(), len(stored.numpy())


def preview(recipe: Recipe, images: Any, masks: Any = None) -> Image.Image:
    """Shows images as read, after each layer, and as stored, at true pixels.

    The stages come from the recipe's own graph, the one that the job and serving run. Tiles of
    more than 512 pixels show their middle.

    Args:
        recipe: What to do to the pixels.
        images: One image or a sequence: a path, encoded bytes, or uint8 `[H, W]` or `[H, W, C]`.
        masks: As many masks, where the recipe has one.

    Returns:
        A picture with a row per image, which notebooks display.

    Raises:
        InputError: An image can't be read, decoded or transformed; it is named.
        RecipeError: A layer is not fitted on data yet.
    """
    viewer = StageViewer(recipe)
    found = _sequence(images)
    with_masks = _sequence(masks) if masks is not None else [None] * len(found)
    rows = []
    for i, (image, mask) in enumerate(zip(found, with_masks, strict=True)):
        name = str(image) if isinstance(image, str | Path) else f"image {i}"
        try:
            rows.append((name, viewer(_encoded(image), None if mask is None else _encoded(mask))))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return draw_sheet(rows)


def _sequence(images: Any) -> list[Any]:
    single = isinstance(images, str | Path | bytes | np.ndarray)
    return [images] if single else list(images)


def _encoded(image: Any) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | Path):
        try:
            return Path(image).read_bytes()
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}.") from error
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise InputError(
            "expected a path, encoded bytes or uint8 pixels [H, W, C]. Received: "
            f"{type(image).__name__} of shape {pixels.shape}, {pixels.dtype}."
        )
    return bytes(tf.io.encode_png(pixels.reshape(*pixels.shape[:2], -1)).numpy())


def draw_sheet(rows: Sequence[tuple[str, Sequence[Stage]]]) -> Image.Image:
    """Draws the stages of one image a row, labelled, without resampling a pixel.

    Args:
        rows: The image's name, and its stages.

    Raises:
        InputError: There are no images.
    """
    if not rows:
        raise InputError("there is no image to show.")
    tiles = [[_tile(stage.pixels) for stage in stages] for _, stages in rows]
    columns = range(len(tiles[0]))
    widths = [max(_MIN_TILE, *(row[c].width for row in tiles)) for c in columns]
    lines = [len(_wrapped(stages[c], widths[c])) for _, stages in rows for c in columns]
    label = (1 + max(lines)) * _LINE + 10
    heights = [max(tile.height for tile in row) for row in tiles]
    size = (
        _GAP + sum(width + _GAP for width in widths),
        _GAP + sum(_LINE + 8 + label + height + _GAP for height in heights),
    )
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(_TITLE_SIZE), ImageFont.load_default(_TEXT_SIZE)
    top = _GAP
    for (name, stages), row, height in zip(rows, tiles, heights, strict=True):
        draw.text((_GAP, top), _printable(name), fill=_FAINT, font=plain)
        draw.line((_GAP, top + _LINE + 2, size[0] - _GAP, top + _LINE + 2), fill=(222, 222, 220))
        left = _GAP
        for stage, tile, width in zip(stages, row, widths, strict=True):
            y = top + _LINE + 8
            draw.text((left, y), _printable(stage.title), fill=_INK, font=bold)
            for n, line in enumerate(_wrapped(stage, width)):
                draw.text((left, y + 4 + _LINE * (n + 1)), line, fill=_FAINT, font=plain)
            sheet.paste(tile, (left, y + label))
            left += width + _GAP
        top += _LINE + 8 + label + height + _GAP
    return sheet


def _wrapped(stage: Stage, width: int) -> list[str]:
    characters = max(10, int(width / (_TEXT_SIZE * 0.58)))
    lines = [
        part for line in stage.details.splitlines() for part in textwrap.wrap(line, characters)
    ]
    height, full, _ = stage.pixels.shape
    if max(height, full) > MAX_TILE:
        lines.append("(its middle)")
    return [_printable(line) for line in lines]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _tile(pixels: np.ndarray) -> Image.Image:
    """Returns the picture, or its middle, over a checkerboard where it is transparent."""
    height, width, channels = pixels.shape
    top, left = (max(0, (size - MAX_TILE) // 2) for size in (height, width))
    pixels = pixels[top : top + MAX_TILE, left : left + MAX_TILE]
    if channels == 4:
        rows, columns = np.indices(pixels.shape[:2]) // 8
        board = np.where((rows + columns) % 2, 205, 235).astype(np.uint8)[..., None]
        under = Image.fromarray(np.repeat(board, 3, -1)).convert("RGBA")
        return Image.alpha_composite(under, Image.fromarray(pixels)).convert("RGB")
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels).convert("RGB")
