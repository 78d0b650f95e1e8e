"""How images go on beyond their border."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["check_mirrored_size", "mirrored"]


def mirrored(images: Any, axis: int, before: int, after: int, edge_twice: bool = False) -> Any:
    """Continues images beyond their border, mirrored at the centre of the last pixel.

    The same as `ops.pad(..., mode="reflect")`, whose TensorFlow kernel takes as long as a filter
    and refuses empty batches. An image that is too small fails here, since the pixel to be
    mirrored does not exist.

    Args:
        images: `[B, H, W, C]`.
        axis: 1 (height) or 2 (width).
        before: How many pixels to put before the image.
        after: How many pixels to put after it.
        edge_twice: Whether to mirror at the edge of the last pixel, as `mode="symmetric"` does.
    """
    first = 0 if edge_twice else 1
    last = ops.shape(images)[axis] - 1
    parts = [images]
    if before:
        steps = ops.arange(first, first + before, dtype="int32")
        parts.insert(0, ops.take(images, ops.flip(steps), axis))
    if after:
        steps = ops.arange(first, first + after, dtype="int32")
        parts.append(ops.take(images, last - steps, axis))
    return ops.concatenate(parts, axis) if len(parts) > 1 else images


def check_mirrored_size(
    layer: str, shape: tuple[int | None, ...], kernel_size: tuple[int, int]
) -> None:
    """Refuses images whose height or width is known and too small to be mirrored.

    Args:
        layer: Name of the layer, for the error.
        shape: `[B, H, W, C]`.
        kernel_size: `(height, width)` of the filter, odd.
    """
    for name, length, size in zip(("height", "width"), shape[1:3], kernel_size, strict=True):
        if length is not None and length <= size // 2:
            raise ValueError(
                f"{layer} with kernel_size={kernel_size} mirrors {size // 2} pixels at the border "
                f"and needs a {name} of more than that. Received: shape {tuple(shape)}."
            )
