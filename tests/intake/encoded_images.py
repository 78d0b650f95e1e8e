"""Encoded images of every kind the gate meets, made from scikit-learn's photographs and digits."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

WHOLE_PHOTOGRAPHS = [Image.fromarray(pixels) for pixels in load_sample_images().images]
#: Odd sides, so that swapping or rounding them shows.
PHOTOGRAPH = WHOLE_PHOTOGRAPHS[0].crop((200, 100, 451, 297))
WIDTH, HEIGHT = PHOTOGRAPH.size
PIXELS = np.asarray(PHOTOGRAPH)
DIGIT = Image.fromarray((load_digits().images[0] * 15).astype(np.uint8))


def encode(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def oriented(orientation: int, format: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a camera's maker"
    exif[0x0112] = orientation
    return encode(PHOTOGRAPH, format, exif=exif)


def png_chunk(kind: bytes, contents: bytes) -> bytes:
    body = kind + contents
    return struct.pack(">I", len(contents)) + body + struct.pack(">I", zlib.crc32(body))


def png_start(width: int, height: int) -> bytes:
    """The signature and IHDR chunk of an RGB image with 8 bits a channel."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", ihdr)


def interlaced_png(pixels: np.ndarray) -> bytes:
    """Encodes uint8 `[height, width, 3]` with Adam7 (PNG specification, section 8.2)."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)]
    passes += [(2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, right in passes
        for row in pixels[top::down, left::right]
    ]
    height, width, _ = pixels.shape
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(*chunk)
        for chunk in [(b"IHDR", ihdr), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    )


def deep_png() -> bytes:
    ok, data = cv2.imencode(".png", PIXELS[..., ::-1].astype(np.uint16) * 257)
    assert ok
    return data.tobytes()


JPEGS = {
    "baseline": encode(PHOTOGRAPH, "JPEG"),
    "progressive": encode(PHOTOGRAPH, "JPEG", progressive=True),
    "optimised": encode(PHOTOGRAPH, "JPEG", optimize=True, subsampling=0, quality=100),
    "restart markers": encode(PHOTOGRAPH, "JPEG", restart_marker_rows=1),
    "cmyk": encode(PHOTOGRAPH.convert("CMYK"), "JPEG"),
    "gray": encode(PHOTOGRAPH.convert("L"), "JPEG"),
    "with a comment": encode(PHOTOGRAPH, "JPEG", comment=b"\xff\xc0 is no frame here"),
    "with a thumbnail": encode(PHOTOGRAPH, "JPEG", icc_profile=encode(DIGIT, "JPEG")),
}
PNGS = {
    "1 bit": encode(PHOTOGRAPH.convert("1"), "PNG"),
    "8 bit gray": encode(PHOTOGRAPH.convert("L"), "PNG"),
    "8 bit colour": encode(PHOTOGRAPH, "PNG"),
    "16 bit gray": encode(Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257), "PNG"),
    "16 bit colour": deep_png(),
    "palette": encode(PHOTOGRAPH.quantize(200), "PNG"),
    "4 bit palette": encode(PHOTOGRAPH.quantize(16), "PNG", bits=4),
    "transparent palette": encode(PHOTOGRAPH.quantize(200), "PNG", transparency=3),
    "alpha": encode(PHOTOGRAPH.convert("RGBA"), "PNG"),
    "gray and alpha": encode(PHOTOGRAPH.convert("LA"), "PNG"),
    "interlaced": interlaced_png(PIXELS),
    "animated": encode(
        PHOTOGRAPH, "PNG", save_all=True, append_images=[PHOTOGRAPH.rotate(9)], duration=40
    ),
}
#: By the name the refusal gives the format.
OTHERS = [
    ("GIF", encode(PHOTOGRAPH, "GIF")),
    ("GIF", encode(PHOTOGRAPH, "GIF", save_all=True, append_images=[PHOTOGRAPH.rotate(9)])),
    ("BMP", encode(PHOTOGRAPH, "BMP")),
    ("BMP", encode(DIGIT, "BMP")),
    ("WebP", encode(PHOTOGRAPH, "WEBP")),
    ("WebP", encode(PHOTOGRAPH.convert("RGBA"), "WEBP", lossless=True)),
    ("TIFF", encode(PHOTOGRAPH, "TIFF")),
    ("TIFF", encode(Image.fromarray(PIXELS[..., 0].astype(">u2")), "TIFF")),
    ("TIFF", b"MM\0*\0\0\0\x08" + bytes(40)),
    ("JPEG 2000", encode(PHOTOGRAPH, "JPEG2000")),
    ("HEIC", b"\0\0\0\x18ftypheic" + bytes(40)),
    ("AVIF", b"\0\0\0\x1cftypavif" + bytes(40)),
    ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("unknown", b"a caption that came into the wrong feature"),
    ("unknown", b"\n" + encode(PHOTOGRAPH, "JPEG")),
]
