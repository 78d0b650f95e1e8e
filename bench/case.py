"""What every contender is asked to do: the same pixels, in the same encoding."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BRIGHTNESS", "JPEG_QUALITY", "KERNEL_SIZE", "SIGMA", "Case"]

BRIGHTNESS = 1.2
KERNEL_SIZE = 5
SIGMA = 2.0
#: Of the output; the input's is in `dataset.py`.
JPEG_QUALITY = 95


@dataclass(frozen=True)
class Case:
    """Brightness, Gaussian blur with a mirrored border, rounding to uint8: always the same.

    Attributes:
        resize: Height and width to which photographs are brought first, or None for crops that
            keep their size.
        reducing_gap: Of pixelbake's `Resize`; None to decode photographs in full, as the others do.
        encoding: Of the output: `"jpeg"`, `"png"`, `"raw"` or `"float"`.
    """

    resize: int | None = None
    reducing_gap: float | None = None
    encoding: str = "jpeg"
