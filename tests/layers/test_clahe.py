"""CLAHE against OpenCV bit for bit, and its float64 against integers."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pixelbake.layers import CLAHE
from tests.layers.contract import photographs, run_eagerly

#: Even ones, uneven ones, and some with more tiles than pixels.
SIZES = [(224, 224), (151, 224), (160, 91), (211, 97), (9, 11), (3, 2), (1, 5), (1, 1)]
ARGUMENTS = [(40.0, (8, 8)), (2.0, (3, 5)), (2.3, (1, 4)), (0.0, (4, 2)), (1e6, (5, 5))]


def eight_bit(channels, height, width):
    return np.round(photographs(2, channels, height, width) * 255).astype(np.uint8)


def by_opencv(images, clip_limit, grid):
    clahe = cv2.createCLAHE(clip_limit, grid[::-1])
    planes = [[clahe.apply(plane.copy()) for plane in image.transpose(2, 0, 1)] for image in images]
    return np.transpose(planes, (0, 2, 3, 1))


def in_integers(image, clip_limit, grid):
    """The same of one channel `[H, W]` without OpenCV, in integers only, halves up."""
    (height, width), (rows, columns) = image.shape, grid
    high, wide = height // rows, width // columns
    if height % rows or width % columns:
        high, wide = high + 1, wide + 1
    padded = [(0, high * rows - height), (0, wide * columns - width)]
    tiles = np.pad(image, padded, "reflect").reshape(rows, high, columns, wide)
    tables = np.zeros((rows, columns, 256), int)
    for row, column in np.ndindex(rows, columns):
        counts = np.bincount(tiles[row, :, column].ravel(), minlength=256)
        limit = max(int(clip_limit * high * wide / 256), 1) if clip_limit else high * wide
        cut = np.maximum(counts - limit, 0).sum()
        counts = np.minimum(counts, limit) + cut // 256
        if cut % 256:
            counts[:: 256 // (cut % 256)][: cut % 256] += 1
        tables[row, column] = (2 * 255 * np.cumsum(counts) + high * wide) // (2 * high * wide)
    result = np.zeros_like(image)
    for y, x in np.ndindex(height, width):
        row, down = divmod(2 * y - high, 2 * high)
        column, right = divmod(2 * x - wide, 2 * wide)
        total = 0
        for r, a in ((row, 2 * high - down), (row + 1, down)):
            for c, b in ((column, 2 * wide - right), (column + 1, right)):
                tile = tables[np.clip(r, 0, rows - 1), np.clip(c, 0, columns - 1)]
                total += a * b * tile[image[y, x]]
        parts = 4 * high * wide
        result[y, x] = (2 * total + parts) // (2 * parts)
    return result


@pytest.mark.parametrize(("clip_limit", "grid"), ARGUMENTS)
@pytest.mark.parametrize("size", SIZES)
def test_it_equals_opencv(size, clip_limit, grid):
    images = eight_bit(3, *size)
    layer = CLAHE(clip_limit, grid, value_range=(0, 255))
    result = run_eagerly(layer, images.astype(np.float32))
    np.testing.assert_array_equal(result, by_opencv(images, clip_limit, grid))


def test_it_equals_opencv_on_flat_images_and_on_every_level():
    flat = np.full((40, 56, 1), 77, np.uint8)
    ramp = (np.arange(40 * 56) % 256).astype(np.uint8).reshape(flat.shape)
    images = np.stack([flat, ramp, ramp // 16, np.where(ramp < 9, 3, 255)]).astype(np.uint8)
    result = run_eagerly(CLAHE(3.0, (5, 7)), images.astype(np.float32) / 255) * 255
    np.testing.assert_allclose(result, by_opencv(images, 3.0, (5, 7)), atol=1e-4)


def test_a_graph_of_unknown_size_equals_opencv():
    signature = tf.TensorSpec((None, None, None, 3), tf.float32)
    layer = CLAHE(2.0, value_range=(0, 255))
    traced = tf.function(layer.__call__, input_signature=[signature], autograph=False)
    for size in SIZES:
        images = eight_bit(3, *size)
        np.testing.assert_array_equal(
            traced(tf.constant(images, tf.float32)), by_opencv(images, 2.0, (8, 8))
        )


@pytest.mark.parametrize(("clip_limit", "grid"), [(2.3, (2, 4)), (0.0, (3, 5))])
@pytest.mark.parametrize("size", [(40, 64), (23, 31)])
def test_float64_rounds_as_integers_do(size, clip_limit, grid):
    images = eight_bit(1, *size)
    layer = CLAHE(clip_limit, grid, value_range=(0, 255), dtype="float64")
    result = run_eagerly(layer, images.astype(np.float64))[..., 0]
    expected = [in_integers(image[..., 0], clip_limit, grid) for image in images]
    np.testing.assert_array_equal(result, expected)
    opencv = by_opencv(images, clip_limit, grid)[..., 0]
    assert np.count_nonzero(result != opencv) > 0  # halves
    assert np.abs(result - opencv).max() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clip_limit": -1}, "clip_limit must be at least 0. Received: clip_limit=-1"),
        ({"clip_limit": None}, "clip_limit must be a finite number. Received: clip_limit=None"),
        ({"tile_grid_size": 0}, "must be an integer of at least 1. Received: tile_grid_size=0"),
        ({"tile_grid_size": (8, 2.5)}, "Received: tile_grid_size=2.5"),
        ({"tile_grid_size": (8, 8, 8)}, r"Received: tile_grid_size=\(8, 8, 8\)"),
        ({"value_range": (1, 0)}, r"Received: value_range=\(1, 0\)"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        CLAHE(**arguments)
