"""The codecs' ops against Pillow, OpenCV and numpy."""

import io
from typing import get_args

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.photos import photo_crops
from pixelbake import images
from pixelbake.recipe import Decode, Output, Resize
from tests.intake.encoded_images import DIGIT, JPEGS, PIXELS, PNGS, encode

ENCODED = {f"jpeg, {k}": v for k, v in JPEGS.items()} | {f"png, {k}": v for k, v in PNGS.items()}
IS_DEEP_GRAY = "png, 16 bit gray"
SIZES = [(64, 80), (98, 125), (301, 270)]


def opened(data):
    return Image.open(io.BytesIO(data))


def pillow(data, mode):
    pixels = np.asarray(opened(data).convert(mode))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def decoded(data, channels):
    pixels = images.decode(data, Decode(channels=channels)).numpy()
    assert pixels.dtype == np.uint8
    return pixels


@pytest.mark.parametrize("name", sorted(set(ENCODED) - {IS_DEEP_GRAY}))
def test_colours_are_decoded_as_pillow_decodes_them(name):
    np.testing.assert_array_equal(decoded(ENCODED[name], 3), pillow(ENCODED[name], "RGB"))


@pytest.mark.parametrize("name", sorted(n for n in PNGS if n != "16 bit gray"))
def test_alpha_is_decoded_as_pillow_decodes_it_and_opaque_where_a_png_has_none(name):
    np.testing.assert_array_equal(decoded(PNGS[name], 4), pillow(PNGS[name], "RGBA"))


def test_an_alpha_that_varies_is_kept_for_four_channels_and_dropped_for_three():
    pixels = np.dstack([PIXELS, np.arange(PIXELS[..., 0].size).reshape(PIXELS.shape[:2]) % 256])
    data = encode(Image.fromarray(pixels.astype(np.uint8)), "PNG")
    np.testing.assert_array_equal(decoded(data, 4), pixels)
    np.testing.assert_array_equal(decoded(data, 3), PIXELS)


@pytest.mark.parametrize("name", sorted(set(JPEGS) - {"cmyk"}))
def test_one_channel_of_a_jpeg_is_its_luma_as_pillow_and_opencv_give_it(name):
    gray = decoded(JPEGS[name], 1)[..., 0]
    drafted = opened(JPEGS[name])
    drafted.draft("L", drafted.size)
    np.testing.assert_array_equal(gray, np.asarray(drafted))
    array = np.frombuffer(JPEGS[name], np.uint8)
    np.testing.assert_array_equal(gray, cv2.imdecode(array, cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize("name", ["1 bit", "8 bit gray", "gray and alpha"])
def test_one_channel_of_a_gray_png_is_pillow_s(name):
    np.testing.assert_array_equal(decoded(PNGS[name], 1), pillow(PNGS[name], "L"))


def test_one_channel_of_a_colour_png_is_opencv_s_gray():
    data = PNGS["8 bit colour"]
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(decoded(data, 1)[..., 0], expected)
    assert np.abs(decoded(data, 1).astype(int) - pillow(data, "L")).max() == 1


@pytest.mark.parametrize(("channels", "name"), [(1, "cmyk"), (4, "baseline"), (4, "gray")])
def test_what_a_jpeg_can_not_give_is_an_error_and_no_picture(channels, name):
    with pytest.raises(tf.errors.InvalidArgumentError):
        images.decode(JPEGS[name], Decode(channels=channels))


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_cut_to_the_upper_eight(channels):
    deep = np.random.default_rng(0).integers(0, 65536, (31, 17, channels)).astype(np.uint16)
    done, data = cv2.imencode(".png", deep[..., ::-1])
    assert done
    np.testing.assert_array_equal(decoded(data.tobytes(), channels), deep >> 8)


@pytest.mark.parametrize("data", [b"", b"no image", JPEGS["baseline"][:900], PNGS["palette"][:99]])
def test_bytes_that_are_no_image_are_an_error(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        images.decode(data, Decode())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos3"])
def test_resizing_is_pillow_s_on_floats_within_a_hundredth_of_a_level(method, size):
    name = {"lanczos3": "LANCZOS"}.get(method, method.upper())
    bands = [Image.fromarray(PIXELS[..., k].astype(np.float32)) for k in range(3)]
    expected = [b.resize(size[::-1], getattr(Image.Resampling, name)) for b in bands]
    to = Resize(height=size[0], width=size[1], method=method)
    result = images.resize(tf.constant(PIXELS), to)
    assert (result.dtype, result.shape) == (tf.float32, (*size, 3))
    np.testing.assert_allclose(result, np.clip(np.dstack(expected), 0, 255), atol=0.01)


@pytest.mark.parametrize(
    ("method", "cv2_name", "size"),
    [
        *[("bilinear", "LINEAR", size) for size in SIZES],
        *[("area", "AREA", size) for size in SIZES[:2]],  # where it enlarges, OpenCV interpolates
    ],
)
def test_resizing_without_antialiasing_is_opencv_s_within_two_hundredths_of_a_level(
    method, cv2_name, size
):
    to = Resize(height=size[0], width=size[1], method=method, antialias=False)
    expected = cv2.resize(
        PIXELS.astype(np.float32), size[::-1], interpolation=getattr(cv2, f"INTER_{cv2_name}")
    )
    np.testing.assert_allclose(images.resize(tf.constant(PIXELS), to), expected, atol=0.02)


def lanczos5_weights(size, new_size):
    """The antialiased filter as a matrix `[new_size, size]`: sinc(x) sinc(x / 5), normalised."""
    step = size / new_size
    centres = (np.arange(new_size)[:, None] + 0.5) * step
    x = (np.arange(size) + 0.5 - centres) / max(step, 1)
    weights = np.where(np.abs(x) < 5, np.sinc(x) * np.sinc(x / 5), 0)
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("size", SIZES)
def test_lanczos5_is_the_textbook_s(size):
    rows, columns = (lanczos5_weights(*p) for p in zip(PIXELS.shape, size, strict=False))
    expected = np.clip(np.einsum("ih,jw,hwc->ijc", rows, columns, PIXELS, optimize=True), 0, 255)
    to = Resize(height=size[0], width=size[1], method="lanczos5")
    np.testing.assert_allclose(images.resize(tf.constant(PIXELS), to), expected, atol=0.05)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("method", get_args(Resize.model_fields["method"].annotation))
def test_resizing_is_tensorflow_s_to_the_last_bit(method, antialias, channels):
    image = np.dstack([PIXELS, PIXELS[..., :1]])[..., :channels]
    signature = [tf.TensorSpec((None, None, channels), tf.uint8)]
    for height, width in [*SIZES, (1, 1), (1, 50), (PIXELS.shape[0], 31)]:
        to = Resize(height=height, width=width, method=method, antialias=antialias)
        resize = tf.function(lambda image, to=to: images.resize(image, to), signature)
        for one in (image, image[:1], image[:, :1], image[:40, :33]):
            expected = tf.image.resize(one, (height, width), method, antialias=antialias)
            expected = np.clip(tf.cast(expected, tf.float32), 0, 255)
            np.testing.assert_array_equal(resize(one), expected)


@pytest.mark.parametrize("method", ["bicubic", "lanczos3", "lanczos5"])
def test_overshooting_filters_are_clipped(method):
    edge = np.zeros((16, 16, 1), np.uint8)
    edge[:, 8:] = 255
    unclipped = tf.image.resize(edge, (40, 40), method=method, antialias=True).numpy()
    assert unclipped.min() < -1
    assert unclipped.max() > 256
    result = images.resize(tf.constant(edge), Resize(height=40, width=40, method=method)).numpy()
    assert (result.min(), result.max()) == (0, 255)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("method", get_args(Resize.model_fields["method"].annotation))
def test_an_image_that_has_the_size_stays_as_it_is(method, antialias):
    to = Resize(height=PIXELS.shape[0], width=PIXELS.shape[1], method=method, antialias=antialias)
    resize = tf.function(
        lambda image: images.resize(image, to), [tf.TensorSpec((None, None, 3), tf.uint8)]
    )
    np.testing.assert_array_equal(resize(PIXELS), PIXELS)
    assert np.any(resize(PIXELS[:, 1:])[:, :-1] != PIXELS[:, 1:-1])


def test_without_a_new_size_pixels_stay_as_they_are():
    result = images.resize(tf.constant(PIXELS), None)
    assert result.dtype == tf.float32
    np.testing.assert_array_equal(result, PIXELS)


@pytest.mark.parametrize("size", [*SIZES, None])
def test_a_mask_keeps_its_classes_whatever_the_image_s_method(size):
    digit = np.asarray(DIGIT.resize((57, 43), Image.Resampling.NEAREST))[..., None]
    to = size and Resize(height=size[0], width=size[1], method="bicubic")
    rows, columns = (
        np.floor((np.arange(new) + 0.5) * old / new).astype(int)
        for old, new in zip(digit.shape, size or digit.shape[:2], strict=False)
    )
    expected = digit[rows][:, columns] * np.float32(1 / 255)
    assert len(np.unique(expected)) > 5
    np.testing.assert_array_equal(images.resize_mask(tf.constant(digit), to), expected)


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (0.0, 255.0)])
def test_all_256_levels_survive_scaling_and_quantising(value_range):
    levels = np.arange(256, dtype=np.uint8)
    scaled = images.scale(tf.cast(levels, tf.float32), value_range)
    assert (scaled.numpy().min(), scaled.numpy().max()) == value_range
    np.testing.assert_array_equal(images.quantise(scaled, value_range), levels)


def test_scaling_multiplies_by_the_float32_reciprocal_in_a_graph_too():
    pixels = np.stack(list(photo_crops())[:2]).astype(np.float32)
    traced = tf.function(lambda x: images.scale(x, (0.0, 1.0)), autograph=False)(pixels)
    np.testing.assert_array_equal(traced, pixels * np.float32(1 / 255))


@pytest.mark.parametrize(
    ("value_range", "pixels", "levels"),
    [
        ((0.0, 255.0), [0.5, 1.5, 2.5, 127.5, 253.5, 254.5], [0, 2, 2, 128, 254, 254]),
        ((0.0, 1.0), [0.1, 0.3, 0.5, 0.7, 0.9], [26, 76, 128, 178, 230]),
        ((0.0, 255.0), [-1e9, -0.6, 255.6, 300, np.inf, -np.inf], [0, 0, 255, 255, 255, 0]),
        ((0.0, 1.0), [-5, -0.01, 1.01, 2, 255, np.inf], [0, 0, 255, 255, 255, 255]),
    ],
)
def test_halves_are_rounded_to_even_and_values_outside_the_range_are_clipped(
    value_range, pixels, levels
):
    result = images.quantise(tf.constant(pixels, tf.float32), value_range)
    assert result.dtype == tf.uint8
    assert result.numpy().tolist() == levels


def pixels_of(channels):
    return np.tile(next(photo_crops()), (1, 1, 2))[:200, :150, :channels].copy()


@pytest.mark.parametrize("shape", [(200, 150), (None, None)])
@pytest.mark.parametrize(
    ("encoding", "channels"),
    [("png", 1), ("png", 3), ("png", 4), ("raw", 1), ("raw", 3), ("raw", 5)],
)
def test_what_is_stored_without_loss_comes_back(encoding, channels, shape):
    output = Output(encoding=encoding)
    pixels = pixels_of(channels)
    stored = images.encode(tf.constant(pixels), output)
    result = images.decode_stored(stored, output, (*shape, channels))
    assert result.dtype == tf.uint8
    np.testing.assert_array_equal(result, pixels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("quality", "mean_error"), [(None, 1.5), (100, 0.8)])
def test_jpeg_comes_back_as_pillow_reads_it_and_nearly_as_it_was(channels, quality, mean_error):
    output = Output(encoding="jpeg", jpeg_quality=quality)
    pixels = pixels_of(channels)
    stored = images.encode(tf.constant(pixels), output)
    result = images.decode_stored(stored, output, (200, 150, channels)).numpy()
    np.testing.assert_array_equal(result, pillow(stored.numpy(), "L" if channels == 1 else "RGB"))
    assert 0 < np.abs(result.astype(int) - pixels).mean() < mean_error


@pytest.mark.parametrize("encoding", ["png", "raw", "jpeg"])
def test_stored_pixels_of_another_shape_are_an_error(encoding):
    output = Output(encoding=encoding)
    stored = images.encode(tf.constant(pixels_of(3)), output)
    with pytest.raises(tf.errors.InvalidArgumentError):
        images.decode_stored(stored, output, (200, 151, 3))


def test_floats_are_not_stored_as_bytes():
    output = Output(encoding="float")
    with pytest.raises(ValueError, match="'float' is not stored as bytes"):
        images.encode(tf.zeros((2, 2, 3), tf.uint8), output)
    with pytest.raises(ValueError, match="'float' is not stored as bytes"):
        images.decode_stored(tf.constant(b""), output, (2, 2, 3))
