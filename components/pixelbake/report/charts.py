"""Histograms as SVG paths: they follow the page's light or dark colours, and need no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["HEIGHT", "WIDTH", "Histogram", "aspect_histogram", "pixel_histograms"]

WIDTH = 256
HEIGHT = 90
_BINS = 64
#: Rec. 709 luma, on values as stored.
_LUMA = (0.2126, 0.7152, 0.0722)
_CHANNELS = ("red", "green", "blue", "alpha")


@dataclass(frozen=True)
class Histogram:
    """One curve of a chart, or two to be compared.

    Attributes:
        title: What is counted.
        before: SVG path of what was read.
        after: SVG path of what was stored, `""` for none.
        low: Label of the left end.
        high: Label of the right end.
        summary: The chart in words.
    """

    title: str
    before: str
    after: str
    low: str
    high: str
    summary: str


def pixel_histograms(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[Histogram]:
    """Counts brightness and channel values over all pixels.

    Args:
        before: Images, uint8 `[H, W, C]`, as read.
        after: The same images as stored.
    """
    made = [_compared("brightness", map(_brightness, before), map(_brightness, after))]
    channels = min(min(image.shape[-1] for image in images) for images in (before, after))
    if channels >= 3:
        for c, name in enumerate(_CHANNELS[:channels]):
            made.append(_compared(name, _channel(before, c), _channel(after, c)))
    return made


def _channel(images: Sequence[np.ndarray], c: int) -> Iterable[np.ndarray]:
    return (image[..., c] for image in images)


def _brightness(image: np.ndarray) -> np.ndarray:
    if image.shape[-1] < 3:
        return image[..., 0]
    return np.asarray(image[..., :3] @ np.array(_LUMA, np.float32))


def _compared(title: str, before: Iterable[np.ndarray], after: Iterable[np.ndarray]) -> Histogram:
    (old, old_mean), (new, new_mean) = _levels(before), _levels(after)
    # The ends hold all that was clipped: drawn to scale they would flatten everything else.
    peak = max(1.3 * max(np.sort(levels)[-4] for levels in (old, new)), 1e-6)
    return Histogram(
        title=title,
        before=_path(old / peak),
        after=_path(new / peak),
        low="0",
        high="255",
        summary=f"mean {old_mean:.0f} before, {new_mean:.0f} after",
    )


def _levels(images: Iterable[np.ndarray]) -> tuple[np.ndarray, float]:
    """Returns the share of each bin, every image counting alike, and the mean."""
    shares, means = [], []
    for image in images:
        counts, _ = np.histogram(image, _BINS, (0, 256))
        shares.append(counts / image.size)
        means.append(float(image.mean()))
    return np.mean(shares, axis=0), float(np.mean(means))


def aspect_histogram(sizes: Sequence[tuple[int, int]]) -> Histogram:
    """Counts aspect ratios, width by height, from 1:3 to 3:1 on a logarithmic scale."""
    ratios = np.array([width / height for height, width in sizes])
    edge = np.log(3)
    counts, _ = np.histogram(np.clip(np.log(ratios), -edge, edge), 33, (-edge, edge))
    return Histogram(
        title="aspect ratio",
        before=_path(counts / counts.max()),
        after="",
        low="tall, 1:3",
        high="wide, 3:1",
        summary=f"from {ratios.min():.2f} to {ratios.max():.2f}, median {np.median(ratios):.2f}",
    )


def _path(shares: np.ndarray) -> str:
    """Returns a closed staircase under the shares, 0 to 1."""
    step = WIDTH / len(shares)
    points = []
    for i, share in enumerate(shares):
        y = HEIGHT * (1 - 0.96 * min(1.0, float(share)))
        points.append(f"L{i * step:.1f} {y:.1f}L{(i + 1) * step:.1f} {y:.1f}")
    return f"M0 {HEIGHT}{''.join(points)}L{WIDTH} {HEIGHT}Z"
