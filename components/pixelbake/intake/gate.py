"""The header gate: what an encoded image may be before any decoder sees it.

It refuses on policy and resources only (format, size, allocations); whether the bytes decode is
for TensorFlow alone to say, since strict parsers refuse files that it decodes well.
"""

from __future__ import annotations

from dataclasses import dataclass

from pixelbake.intake.jpeg import jpeg_header
from pixelbake.intake.png import png_header, png_overrun
from pixelbake.intake.reasons import Reason

__all__ = ["ImageHeader", "ImageLimits", "Refusal", "check_image", "image_format"]


@dataclass(frozen=True)
class ImageLimits:
    """How large an image may be.

    Attributes:
        max_pixels: Width times height, at least 1. Default 25 million.
        max_bytes: Encoded bytes, at least 1. Default 64 MiB.

    Raises:
        ValueError: A limit is less than 1.
    """

    max_pixels: int = 25_000_000
    max_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        for name, value in (("max_pixels", self.max_pixels), ("max_bytes", self.max_bytes)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1. Received: {name}={value}.")


@dataclass(frozen=True)
class ImageHeader:
    """What an image's header says.

    Attributes:
        format: `"jpeg"` or `"png"`.
        width: Pixels, before any EXIF orientation.
        height: Pixels, before any EXIF orientation.
        orientation: EXIF orientation 1 to 8; 1 where there is none or it makes no sense.
    """

    format: str
    width: int
    height: int
    orientation: int


@dataclass(frozen=True)
class Refusal:
    """Why an image does not reach the decoder.

    Attributes:
        reason: The stable code.
        message: One line that says what was found and what would be right.
    """

    reason: Reason
    message: str


_MAGIC = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"))
_OTHERS = (
    (b"GIF8", 0, "GIF"),
    (b"BM", 0, "BMP"),
    (b"WEBP", 8, "WebP"),
    (b"II*\0", 0, "TIFF"),
    (b"MM\0*", 0, "TIFF"),
    (b"ftyphei", 4, "HEIC"),
    (b"ftypmif1", 4, "HEIC"),
    (b"ftypavif", 4, "AVIF"),
    (b"\0\0\0\x0cjP  ", 0, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG 2000"),
    (b"8BPS", 0, "Photoshop"),
    (b"<svg", 0, "SVG"),
)


def image_format(start: bytes) -> str | None:
    """Returns `"jpeg"` or `"png"`, or None for bytes that are neither.

    Args:
        start: The first bytes of a file, 8 or more.
    """
    return next((name for magic, name in _MAGIC if start.startswith(magic)), None)


def check_image(data: bytes, limits: ImageLimits) -> ImageHeader | Refusal:
    """Decides by its header alone whether an encoded image may be decoded.

    Args:
        data: The encoded image.
        limits: How large it may be.

    Returns:
        The header, or why not. Never raises, whatever the bytes.
    """
    if not data:
        return Refusal(Reason.IMAGE_EMPTY, "the image has no bytes")
    if len(data) > limits.max_bytes:
        return Refusal(
            Reason.TOO_MANY_BYTES,
            f"the image has {len(data)} bytes; at most {limits.max_bytes} are decoded",
        )
    name = image_format(data)
    if name is None:
        found = next((n for magic, at, n in _OTHERS if data.startswith(magic, at)), "unknown")
        return Refusal(
            Reason.FORMAT_NOT_ALLOWED, f"JPEG and PNG are decoded; the format is {found}"
        )
    header = jpeg_header(data) if name == "jpeg" else png_header(data)
    if header is None:
        return Refusal(
            Reason.HEADER_INVALID, f"the {name.upper()} header holds no size where one can be found"
        )
    width, height, orientation = header
    if width * height > limits.max_pixels:
        return Refusal(
            Reason.TOO_MANY_PIXELS,
            f"the image has {width} x {height} pixels; at most {limits.max_pixels} are decoded",
        )
    if name == "png" and (overrun := png_overrun(data)):
        return Refusal(
            Reason.PNG_CHUNK_OVERRUN,
            f"a PNG chunk claims {overrun} bytes, more than the file has",
        )
    return ImageHeader(name, width, height, orientation)
