"""Batches by decoded pixels, so that memory doesn't depend on how large the images are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["MAX_BATCH_PIXELS", "MAX_BATCH_SIZE", "batches_by_pixels"]

Item = TypeVar("Item")

#: CPU time per image is flat from 16 images a batch on; 64 keep the Python share small.
MAX_BATCH_SIZE = 64
#: 64 images of 224 x 224 are 3.2 million pixels; a 12-megapixel photograph is a batch alone.
MAX_BATCH_PIXELS = 4_000_000


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
