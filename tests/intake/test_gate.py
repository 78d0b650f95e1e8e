import struct

import numpy as np
import pytest
import tensorflow as tf

from pixelbake.intake.gate import ImageHeader, ImageLimits, Refusal, check_image
from pixelbake.intake.reasons import Reason
from tests.intake.encoded_images import (
    DIGIT,
    HEIGHT,
    JPEGS,
    OTHERS,
    PHOTOGRAPH,
    PIXELS,
    PNGS,
    WIDTH,
    encode,
    oriented,
    png_chunk,
    png_start,
)

LIMITS = ImageLimits()
IMAGES = [("jpeg", name, data) for name, data in JPEGS.items()]
IMAGES += [("png", name, data) for name, data in PNGS.items()]
MIB = 2**20


def reason(data, limits=LIMITS):
    result = check_image(data, limits)
    return result.reason if isinstance(result, Refusal) else None


@pytest.mark.parametrize(("kind", "name", "data"), IMAGES, ids=[f"{k} {n}" for k, n, _ in IMAGES])
def test_the_header_says_the_size_that_tensorflow_decodes_to(kind, name, data):
    decoded = tf.io.decode_image(data, channels=3, expand_animations=False).numpy()
    assert decoded.shape == (HEIGHT, WIDTH, 3)
    assert check_image(data, LIMITS) == ImageHeader(kind, WIDTH, HEIGHT, 1)


def test_the_interlaced_png_of_these_tests_is_a_right_one():
    np.testing.assert_array_equal(tf.io.decode_image(PNGS["interlaced"]).numpy(), PIXELS)


@pytest.mark.parametrize("width", [1, 2, 63, 400])
@pytest.mark.parametrize("height", [1, 7, 300])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_width_and_height_are_not_mixed_up(kind, width, height):
    data = encode(PHOTOGRAPH.resize((width, height)), kind)
    assert check_image(data, LIMITS) == ImageHeader(kind, width, height, 1)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_tiny_gray_digit_passes(kind):
    assert check_image(encode(DIGIT, kind), LIMITS) == ImageHeader(kind, 8, 8, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_the_exif_orientation_is_read_and_the_size_left_unturned(kind, orientation):
    expected = ImageHeader(kind, WIDTH, HEIGHT, orientation)
    assert check_image(oriented(orientation, kind), LIMITS) == expected


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_an_orientation_that_makes_no_sense_is_upright(kind, value):
    assert check_image(oriented(value, kind), LIMITS).orientation == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("field_type", "expected"), [(3, 6), (2, 1), (4, 1)])
def test_the_orientation_is_a_short_in_either_byte_order(order, field_type, expected):
    mark = {"<": b"II", ">": b"MM"}[order]
    tiff = mark + struct.pack(f"{order}HIHHHIHHI", 42, 8, 1, 0x0112, field_type, 1, 6, 0, 0)
    assert check_image(with_exif(tiff), LIMITS).orientation == expected


def with_exif(tiff):
    contents = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(contents) + 2) + contents
    return b"\xff\xd8" + segment + JPEGS["baseline"][2:]


@pytest.mark.parametrize("size", range(26))
def test_cut_exif_data_is_no_reason_to_refuse_an_image(size):
    tiff = (b"MM" + struct.pack(">HIHHHIHHI", 42, 8, 9, 0x0112, 3, 1, 6, 0, 0))[:size]
    orientation = 6 if size >= 22 else 1
    assert check_image(with_exif(tiff), LIMITS) == ImageHeader("jpeg", WIDTH, HEIGHT, orientation)


def test_exif_data_that_points_outside_itself_is_ignored():
    tiff = b"MM" + struct.pack(">HI", 42, 2**32 - 1) + bytes(30)
    assert check_image(with_exif(tiff), LIMITS).orientation == 1


@pytest.mark.parametrize("junk", [b"\0", b"junk", b"\xff\xff\xff", b"\xff\0\xff\0"])
def test_junk_between_jpeg_segments_is_skipped_as_tensorflow_does(junk):
    second = 4 + struct.unpack_from(">H", JPEGS["baseline"], 4)[0]
    data = JPEGS["baseline"][:second] + junk + JPEGS["baseline"][second:]
    assert tf.io.decode_image(data).shape == (HEIGHT, WIDTH, 3)
    assert check_image(data, LIMITS) == ImageHeader("jpeg", WIDTH, HEIGHT, 1)


@pytest.mark.parametrize(
    ("name", "data"), OTHERS, ids=[f"{n} {i}" for i, (n, _) in enumerate(OTHERS)]
)
def test_any_other_format_is_refused_by_its_name(name, data):
    refusal = check_image(data, LIMITS)
    assert refusal.reason == Reason.FORMAT_NOT_ALLOWED
    assert refusal.message == f"JPEG and PNG are decoded; the format is {name}"


def test_no_bytes_are_refused():
    assert check_image(b"", LIMITS) == Refusal(Reason.IMAGE_EMPTY, "the image has no bytes")


def test_a_png_of_22000_x_22000_pixels_is_refused():
    refusal = check_image(png_start(22_000, 22_000), LIMITS)
    assert refusal.reason == Reason.TOO_MANY_PIXELS
    assert "22000 x 22000" in refusal.message
    assert "25000000" in refusal.message


def test_a_jpeg_of_65500_x_65500_pixels_is_refused():
    data = JPEGS["baseline"]
    frame = data.index(b"\xff\xc0")
    huge = data[: frame + 5] + struct.pack(">HH", 65_500, 65_500) + data[frame + 9 :]
    assert reason(huge) == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_an_image_may_have_exactly_the_most_pixels(kind):
    data = encode(PHOTOGRAPH, kind)
    assert reason(data, ImageLimits(max_pixels=WIDTH * HEIGHT)) is None
    assert reason(data, ImageLimits(max_pixels=WIDTH * HEIGHT - 1)) == Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("data", [JPEGS["baseline"], PNGS["palette"], OTHERS[0][1]])
def test_an_image_may_have_exactly_the_most_bytes(data):
    assert reason(data, ImageLimits(max_bytes=len(data))) != Reason.TOO_MANY_BYTES
    refusal = check_image(data, ImageLimits(max_bytes=len(data) - 1))
    assert refusal.reason == Reason.TOO_MANY_BYTES
    assert str(len(data)) in refusal.message


@pytest.mark.parametrize("length", [MIB + 1, 2**30, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("kind", [b"IDAT", b"tEXt", b"iCCP", b"eXIf"])
def test_a_png_chunk_that_claims_more_than_the_file_has_is_refused(kind, length):
    refusal = check_image(png_start(8, 8) + struct.pack(">I", length) + kind + b"x", LIMITS)
    assert refusal.reason == Reason.PNG_CHUNK_OVERRUN
    assert str(length) in refusal.message


def test_an_overrun_hidden_behind_good_chunks_is_found():
    good = png_start(8, 8) + png_chunk(b"gAMA", bytes(4)) * 50
    assert reason(good + struct.pack(">I", 2**30) + b"zTXt") == Reason.PNG_CHUNK_OVERRUN


def test_a_large_chunk_that_is_all_there_is_no_overrun():
    data = PNGS["8 bit colour"]
    text = png_chunk(b"tEXt", b"note\0" + b"x" * 2 * MIB)
    assert check_image(data[:33] + text + data[33:], LIMITS) == ImageHeader("png", WIDTH, HEIGHT, 1)


@pytest.mark.parametrize("name", ["baseline", "progressive", "cmyk", "gray"])
def test_a_jpeg_cut_before_the_end_of_its_size_is_refused(name):
    data = JPEGS[name]
    frame = min(at for at in (data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) if at > 0)
    for size in range(3, frame + 9):
        assert reason(data[:size]) == Reason.HEADER_INVALID, size
    assert reason(data[: frame + 9]) is None


@pytest.mark.parametrize("size", range(8, 24))
def test_a_png_cut_inside_its_size_is_refused(size):
    assert reason(PNGS["palette"][:size]) == Reason.HEADER_INVALID


@pytest.mark.parametrize("size", [1, 2, 5, 7])
@pytest.mark.parametrize("data", [b"\xff\xd8"[:1], b"\x89PNG\r\n\x1a", b"GIF"])
def test_too_few_bytes_for_a_magic_number_are_an_unknown_format(data, size):
    assert reason(data[:size]) == Reason.FORMAT_NOT_ALLOWED


@pytest.mark.parametrize(("width", "height"), [(0, 8), (8, 0), (2**31, 1), (1, 2**32 - 1)])
def test_a_png_size_that_the_format_does_not_know_is_refused(width, height):
    assert reason(png_start(width, height)) == Reason.HEADER_INVALID


def test_a_jpeg_cut_inside_its_scan_is_left_to_tensorflow():
    assert reason(JPEGS["baseline"][: len(JPEGS["baseline"]) // 2]) is None


def test_huffman_tables_before_the_frame_are_not_taken_for_it():
    data = JPEGS["baseline"]
    frame, table = data.index(b"\xff\xc0"), data.index(b"\xff\xc4")
    size = 2 + struct.unpack_from(">H", data, table + 2)[0]
    moved = data[:frame] + data[table : table + size] + data[frame:]
    assert check_image(moved, LIMITS) == ImageHeader("jpeg", WIDTH, HEIGHT, 1)


def test_a_jpeg_whose_scan_comes_before_its_frame_is_refused():
    data = JPEGS["baseline"]
    assert reason(data[:2] + b"\xff\xda\0\x02" + data[2:]) == Reason.HEADER_INVALID


@pytest.mark.parametrize("limit", ["max_pixels", "max_bytes"])
def test_a_limit_below_one_is_refused(limit):
    with pytest.raises(ValueError, match=rf"{limit} must be at least 1. Received: {limit}=0"):
        ImageLimits(**{limit: 0})
