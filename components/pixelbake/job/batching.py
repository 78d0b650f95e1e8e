"""Batches by decoded pixels, so that memory doesn't depend on how large the images are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pixelbake.plain.parts import Resize

__all__ = ["MAX_BATCH_PIXELS", "MAX_BATCH_SIZE", "batches_by_pixels", "pixels_in_work"]

Item = TypeVar("Item")

#: CPU time per image is flat from 16 images a batch on; 64 keep the Python share small.
MAX_BATCH_SIZE = 64
#: 64 images of 224 x 224 are 3.2 million pixels; a 12-megapixel photograph is a batch alone.
MAX_BATCH_PIXELS = 4_000_000
#: What a pixel takes while layers work on it (float32, a few copies) over what it takes before it
#: is resized (uint8, once): at least 12 times as much, and this is on the safe side.
FLOATS_OVER_DECODED = 8


def batches_by_pixels(items: Iterable[Item], pixels: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Groups items, in order, into batches of bounded size.

    Args:
        items: Anything.
        pixels: Number of decoded pixels of an item.

    Yields:
        Non-empty lists of at most `MAX_BATCH_SIZE` items and at most `MAX_BATCH_PIXELS` pixels; an
        item with more pixels than that is a batch of its own.
    """
    batch: list[Item] = []
    total = 0
    for item in items:
        size = pixels(item)
        if batch and (len(batch) >= MAX_BATCH_SIZE or total + size > MAX_BATCH_PIXELS):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch


def pixels_in_work(decoded: int, resize: Resize | None) -> int:
    """Returns how many pixels an image counts as: by those that layers work on.

    Args:
        decoded: The pixels it has when it is decoded, as uint8.
        resize: What it is brought to before the layers see it.
    """
    if resize is None:
        return decoded
    return decoded // FLOATS_OVER_DECODED + resize.height * resize.width
