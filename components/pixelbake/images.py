"""Decode, resize, quantise, encode: the only place that knows codecs.

Everything here is TensorFlow ops over one image, to be called while a graph is traced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pixelbake.orientation import exif_orientation, upright
from pixelbake.plain.parts import Decode, Output, Resize

__all__ = ["decode", "decode_stored", "encode", "quantise", "resize", "resize_mask", "scale"]


#: zlib's level; the pixels are the same with each. On the 224 x 224 crops of the benchmark level 1
#: takes a fifth to a quarter of the time of zlib's default, 6, for 9 to 17 % more bytes.
PNG_COMPRESSION = 1

#: What libjpeg can reduce an image by while it decodes it.
_REDUCTIONS = (1, 2, 4, 8)

#: Methods of `tf.image.resize` that are filters along columns and lines if `antialias` is set;
#: Lanczos' are in any case.
_ANTIALIASED = ("bilinear", "bicubic")


def decode(data: Any, how: Decode, to: Resize | None = None, orientation: Any = None) -> Any:
    """Decodes one JPEG or PNG.

    The accurate inverse DCT equals Pillow and OpenCV bit for bit and costs nothing; TensorFlow's
    default differs from them in two thirds of all values, by up to 7.

    Args:
        data: String scalar, the encoded image.
        how: Channels, and whether to turn it upright.
        to: The size it will be brought to, for JPEGs to be reduced by its `reducing_gap`; None
            to decode in full.
        orientation: Its EXIF orientation, int32 scalar, if that is known already.

    Returns:
        uint8 `[H, W, channels]` in 0..255.

    Raises:
        tf.errors.InvalidArgumentError: (at run time) The bytes are no JPEG or PNG.
    """
    if not how.exif_orientation:
        orientation = None
    elif orientation is None:
        orientation = exif_orientation(data)
    if to is None or to.reducing_gap is None:
        pixels = _decoded(data, how, 1)
    else:
        branches = [lambda by=by: _decoded(data, how, by) for by in _REDUCTIONS]
        reduction = _reduction(data, to, to.reducing_gap, orientation)
        pixels = tf.switch_case(reduction, branches)
    if how.channels == 4:
        pixels = _opaque(pixels, data)
    return pixels if orientation is None else upright(pixels, orientation)


def _decoded(data: Any, how: Decode, by: int) -> Any:
    return tf.io.decode_jpeg(data, how.channels, ratio=by, dct_method="INTEGER_ACCURATE")


def _reduction(data: Any, to: Resize, gap: float, orientation: Any) -> Any:
    """Returns the index into `_REDUCTIONS` that Pillow's `draft` would choose, int32."""
    # Of a PNG the decoder ignores the ratio, and this op can't read the size. (No tf.where, which
    # would copy the photograph, nor tf.cond, whose branches would be functions; an imported
    # GraphDef does not take them along into a tf.map_fn.)
    size = tf.switch_case(
        tf.cast(tf.io.is_jpeg(data), tf.int32),
        [lambda: tf.zeros([2], tf.int32), lambda: tf.image.extract_jpeg_shape(data)[:2]],
    )
    if orientation is not None:  # `to` is the size of the upright image
        size = tf.where(orientation > 4, size[::-1], size)
    wanted = [
        [math.ceil(by * side * gap) for side in (to.height, to.width)] for by in _REDUCTIONS[1:]
    ]
    fits = tf.reduce_all(size >= tf.constant(wanted, tf.int32), axis=1)
    return tf.reduce_sum(tf.cast(fits, tf.int32))


def _opaque(pixels: Any, data: Any) -> Any:
    """Makes PNGs of less than 8 bits that have no alpha opaque.

    TensorFlow fills their alpha with the largest value of their own bit depth: 1, 3 or 15.
    """
    bit_depth = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 24, 1), tf.uint8)[0], tf.int32)
    filler = tf.cast(tf.bitwise.left_shift(1, tf.minimum(bit_depth, 8)) - 1, tf.uint8)
    alpha = pixels[..., 3:]
    unfilled = tf.logical_and(bit_depth < 8, tf.reduce_all(alpha == filler))
    alpha = tf.where(unfilled, tf.constant(255, tf.uint8), alpha)
    return tf.concat([pixels[..., :3], alpha], -1)


def resize(image: Any, to: Resize | None) -> Any:
    """Resizes one image.

    Args:
        image: uint8 `[H, W, C]`.
        to: The new size, or None to keep the image's own.

    Returns:
        float32 `[height, width, C]` in 0..255; bicubic and Lanczos may overshoot and are clipped.
    """
    if to is None:
        return tf.cast(image, tf.float32)

    def resized() -> Any:
        # Every method takes uint8 as it is: a photograph as floats would be four times as large.
        if to.method.startswith("lanczos") or (to.antialias and to.method in _ANTIALIASED):
            pixels = _resize_line_by_line(image, to)
        else:
            pixels = tf.image.resize(image, (to.height, to.width), method=to.method)
        return tf.clip_by_value(tf.cast(pixels, tf.float32), 0.0, 255.0)

    return unless_of_size(image, to, resized)


def _resize_line_by_line(image: Any, to: Resize) -> Any:
    """Filters along the columns, turns the image on its side, and filters along the others.

    That is what the kernel under `tf.image.resize` does, and its pixels are these to the last bit.
    But of the second pass it makes sums of three numbers, the channels of a pixel, where the first
    adds up whole lines with the processor's vectors. So both passes are first ones here: of images
    one pixel wide, whose channels are a line. From 500 x 375 to 224 x 224 that takes two fifths of
    the time, from 12 megapixels five sixths, or two thirds with a Lanczos filter.
    """
    channels = image.shape[-1]
    height, width = tf.unstack(tf.shape(image)[:2])

    def filtered(lines: Any, number: int) -> Any:
        return tf.image.resize(lines, (number, 1), method=to.method, antialias=to.antialias)

    def turned(lines: Any, height: Any, width: Any) -> Any:
        return tf.transpose(tf.reshape(lines, (height, width, channels)), (1, 0, 2))

    lines = filtered(tf.reshape(image, (height, 1, width * channels)), to.height)
    lines = tf.reshape(turned(lines, to.height, width), (width, 1, to.height * channels))
    return turned(filtered(lines, to.width), to.width, to.height)


def unless_of_size(image: Any, to: Resize, resized: Callable[[], Any]) -> Any:
    """Resizes one image if it has to be.

    At its own size every method gives an image back as it was, but for Lanczos' rounding; for 224 x
    224 pixels that takes a millisecond, as long as to decode and to blur them.

    Args:
        image: uint8 `[H, W, C]`.
        to: The new size.
        resized: Returns the image at that size, float32 in 0..255; called while tracing.

    Returns:
        float32 `[height, width, C]` in 0..255.
    """
    size = (to.height, to.width)
    # (Not by tf.cond, whose branches would be functions in the frozen graph.)
    has_size = tf.reduce_all(tf.shape(image)[:2] == size)
    pixels = tf.switch_case(
        tf.cast(has_size, tf.int32), [resized, lambda: tf.cast(image, tf.float32)]
    )
    return tf.ensure_shape(pixels, (*size, image.shape[-1]))


def resize_mask(mask: Any, to: Resize | None) -> Any:
    """Resizes one mask by nearest neighbour, which invents no values between its classes.

    Args:
        mask: uint8 `[H, W, 1]`.
        to: The new size, or None to keep the mask's own.

    Returns:
        float32 `[height, width, 1]` in [0, 1].
    """
    nearest = None if to is None else Resize(height=to.height, width=to.width, method="nearest")
    return scale(resize(mask, nearest), (0.0, 1.0))


def scale(pixels: Any, value_range: tuple[float, float]) -> Any:
    """Brings float pixels from 0..255 to `value_range`, `(0, 1)` or `(0, 255)`.

    Multiplies by the reciprocal: graph optimisers turn a division by a constant into just that
    on some machines only, and the two differ in the last bit.
    """
    if value_range == (0.0, 255.0):
        return pixels
    return pixels * tf.constant(1.0 / 255.0, pixels.dtype)


def quantise(pixels: Any, value_range: tuple[float, float]) -> Any:
    """Rounds pixels to uint8, once, as the last step of the graph.

    Args:
        pixels: float32 or float64 in `value_range`; values outside of it are clipped.
        value_range: `(0, 1)` or `(0, 255)`.

    Returns:
        uint8 of the same shape, halves rounded to even.
    """
    low, high = value_range
    pixels = tf.clip_by_value(pixels, low, high)
    if value_range != (0.0, 255.0):
        pixels = pixels * tf.constant(255.0, pixels.dtype)
    return tf.cast(tf.round(pixels), tf.uint8)


def encode(pixels: Any, output: Output) -> Any:
    """Encodes one uint8 image `[H, W, C]` as a string scalar (not for encoding `"float"`)."""
    if output.encoding == "png":
        return tf.io.encode_png(pixels, compression=PNG_COMPRESSION)
    if output.encoding == "raw":
        return tf.io.serialize_tensor(pixels)
    if output.encoding == "jpeg":
        return tf.io.encode_jpeg(pixels, quality=output.quality)
    raise ValueError(f"encoding {output.encoding!r} is not stored as bytes")


def decode_stored(data: Any, output: Output, shape: tuple[int | None, ...]) -> Any:
    """Decodes one image that `encode` made.

    Args:
        data: String scalar.
        output: How it was encoded.
        shape: The static shape `[H, W, C]`, None where it varies.

    Returns:
        uint8 `[H, W, C]` in 0..255.
    """
    if output.encoding == "raw":
        pixels = tf.io.parse_tensor(data, tf.uint8)
    elif output.encoding == "png":
        pixels = tf.io.decode_png(data, channels=shape[-1] or 0)
    elif output.encoding == "jpeg":
        pixels = tf.io.decode_jpeg(data, channels=shape[-1] or 0, dct_method="INTEGER_ACCURATE")
    else:
        raise ValueError(f"encoding {output.encoding!r} is not stored as bytes")
    return tf.ensure_shape(pixels, shape)
