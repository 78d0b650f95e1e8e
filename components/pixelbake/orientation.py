"""EXIF orientation inside a graph: found in the encoded bytes, applied to the pixels.

TensorFlow has no op that reads EXIF data. What is here finds the same tag as `intake/exif.py`, byte
by byte, so that Beam and serving turn the same images the same way.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pixelbake.intake.exif import MAX_SEGMENTS, ORIENTATION, SEARCHED_BYTES, SHORT
from pixelbake.intake.jpeg import APP1, BARE, END, FRAMES, SCAN

__all__ = ["exif_orientation", "upright"]

_PNG = b"\x89PNG\r\n\x1a\n"
_NONE = -1


def upright(pixels: Any, orientation: Any) -> Any:
    """Turns an image the way its EXIF orientation says, as `PIL.ImageOps.exif_transpose` does.

    Args:
        pixels: `[H, W, C]`.
        orientation: int32 scalar, 1 to 8 (EXIF 2.32, section 4.6.4, "Orientation").

    Returns:
        `[H, W, C]`, or `[W, H, C]` for 5 to 8.
    """

    # Without branches: a frozen graph that holds functions can't be imported everywhere.
    def is_one_of(*numbers: int) -> Any:
        return tf.reduce_any(orientation == tf.constant(numbers))

    order = tf.where(orientation > 4, tf.constant((1, 0, 2)), tf.constant((0, 1, 2)))
    mirrored = tf.stack([is_one_of(3, 4, 7, 8), is_one_of(2, 3, 6, 7)])
    turned = tf.reverse(tf.transpose(pixels, order), tf.where(mirrored)[:, 0])
    return tf.ensure_shape(turned, (None, None, pixels.shape[-1]))


def exif_orientation(data: Any) -> Any:
    """Finds the EXIF orientation in an encoded JPEG or PNG.

    Args:
        data: String scalar.

    Returns:
        int32 scalar, 1 to 8; 1 where there is none or it makes no sense.
    """
    head = tf.strings.substr(data, 0, SEARCHED_BYTES)
    is_png = tf.equal(tf.strings.substr(data, 0, len(_PNG)), _PNG)

    def search(find: Any) -> Any:
        octets = tf.cast(tf.io.decode_raw(head, tf.uint8), tf.int32)
        start, end = find(octets)
        return tf.cond(start == _NONE, lambda: tf.constant(1), lambda: _in_tiff(octets[start:end]))

    # Most images have no EXIF data, and must not pay for a search in small steps.
    def where(mark: str, find: Any) -> Any:
        holds = tf.strings.regex_full_match(head, rf"(?s)\C*{mark}\C*")
        return tf.cond(holds, lambda: search(find), lambda: tf.constant(1))

    return tf.cond(is_png, lambda: where("eXIf", _in_png), lambda: where(r"Exif\x00\x00", _in_jpeg))


def _in_jpeg(octets: Any) -> tuple[Any, Any]:
    """Returns where the first EXIF segment's TIFF structure starts and ends; see `jpeg_header`."""
    size = tf.size(octets)
    marks = tf.cast(tf.where((octets[:-1] == 0xFF) & (octets[1:] != 0xFF))[:, 0], tf.int32)
    kinds = [0] * 256  # 0: skip the segment; 1: no segment; 2: the search is over; 3: APP1
    for marker in (0, *BARE):
        kinds[marker] = 1
    for marker in (SCAN, END, *FRAMES):
        kinds[marker] = 2
    kinds[APP1] = 3
    kind_of = tf.constant(kinds)
    exif = tf.constant(list(b"Exif\0\0"))

    def step(number: Any, at: Any, start: Any, end: Any) -> tuple[Any, ...]:
        marker = tf.minimum(tf.reduce_min(tf.where(marks >= at, marks, size)), size) + 1
        after = marker + 1

        def segment() -> tuple[Any, ...]:
            kind = kind_of[octets[marker]]
            length = octets[after] * 256 + octets[after + 1]
            name = octets[after + 2 : after + 8]
            found = (kind == 3) & (tf.size(name) == 6)
            found = tf.cond(found, lambda: tf.reduce_all(name == exif), lambda: False)
            over = found | (kind == 2)
            beyond = tf.where(kind == 1, after, after + tf.maximum(length, 2))
            return (
                tf.where(over, size, beyond),
                tf.where(found, after + 8, _NONE),
                tf.minimum(after + length, size),
            )

        within = after + 2 <= size
        return number + 1, *tf.cond(within, segment, lambda: (size, tf.constant(_NONE), end))

    return _walk(step, 2, size)


def _in_png(octets: Any) -> tuple[Any, Any]:
    """Returns where the contents of the first eXIf chunk start and end; see `png_header`."""
    size = tf.size(octets)
    names = tf.constant([list(b"IDAT"), list(b"IEND")])

    def step(number: Any, at: Any, start: Any, end: Any) -> tuple[Any, ...]:
        def chunk() -> tuple[Any, ...]:
            length = _offset(octets[at : at + 4])
            name = octets[at + 4 : at + 8]
            found = tf.reduce_all(name == tf.constant(list(b"eXIf")))
            over = found | tf.reduce_any(tf.reduce_all(name == names, -1))
            return (
                tf.where(over, size, tf.minimum(at + 12 + length, size)),
                tf.where(found, at + 8, _NONE),
                tf.minimum(at + 8 + length, size),
            )

        within = at + 8 <= size
        return number + 1, *tf.cond(within, chunk, lambda: (size, tf.constant(_NONE), end))

    return _walk(step, len(_PNG), size)


def _walk(step: Any, first: int, size: Any) -> tuple[Any, Any]:
    _, _, start, end = tf.while_loop(
        lambda number, at, start, end: (number < MAX_SEGMENTS) & (at < size) & (start == _NONE),
        step,
        (0, first, _NONE, 0),
    )
    return start, end


def _in_tiff(tiff: Any) -> Any:
    """Returns the orientation that the first directory of a TIFF structure names, or 1."""
    size = tf.size(tiff)

    def read() -> Any:
        is_little = tiff[0] == ord("I")

        def in_order(octets: Any) -> Any:
            return tf.cond(is_little, lambda: tf.reverse(octets, (-1,)), lambda: octets)

        at = _offset(in_order(tiff[4:8]))
        known = (tiff[0] == tiff[1]) & (is_little | (tiff[0] == ord("M")))
        return tf.cond(known & (at + 2 <= size), lambda: directory(at, in_order), lambda: 1)

    def directory(at: Any, in_order: Any) -> Any:
        count = tf.minimum(_number(in_order(tiff[at : at + 2])), (size - at - 2) // 12)
        entries = tf.reshape(tiff[at + 2 : at + 2 + 12 * count], (count, 12))
        is_tag = _number(in_order(entries[:, 0:2])) == ORIENTATION
        # A line of zeros at the end, for where no entry is the one.
        entries = tf.concat([entries, tf.zeros((1, 12), tf.int32)], 0)
        entry = entries[tf.argmax(tf.concat([is_tag, [True]], 0))]
        kind, value = _number(in_order(entry[2:4])), _number(in_order(entry[8:10]))
        return tf.where((kind == SHORT) & (value >= 1) & (value <= 8), value, 1)

    return tf.cond(size >= 10, read, lambda: tf.constant(1))


def _number(octets: Any) -> Any:
    """Returns the big-endian numbers of two octets in the last axis, int32."""
    return octets[..., 0] * 256 + octets[..., 1]


def _offset(octets: Any) -> Any:
    """Returns the big-endian number of four octets; 2^24 for all that is more, int32."""
    return tf.where(octets[0] > 0, 2**24, octets[1] * 65536 + _number(octets[2:]))
