"""Resizing by whole weights, against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.photos import photo_crops
from pixelbake.exact.grid import STEPS, WHITE
from pixelbake.exact.resizing import resize_by_weights
from pixelbake.images import resize
from pixelbake.recipe import Resize

PHOTO = next(iter(photo_crops()))[:151, :224]


@pytest.mark.parametrize("size", [(60, 80), (151, 224), (300, 333), (1, 1), (3, 500)])
@pytest.mark.parametrize(
    ("method", "antialias"), [("bilinear", True), ("bilinear", False), ("area", True)]
)
def test_it_is_what_tensorflow_gives_within_half_a_level(method, antialias, size):
    to = Resize(height=size[0], width=size[1], method=method, antialias=antialias)
    found = resize_by_weights(tf.constant(PHOTO), to).numpy()
    np.testing.assert_array_equal(found, np.round(found))
    assert found.max() <= WHITE
    np.testing.assert_allclose(found / STEPS, resize(tf.constant(PHOTO), to), atol=0.5)


@pytest.mark.parametrize("method", ["bilinear", "area"])
def test_a_flat_image_stays_flat_and_one_of_the_same_size_as_it_is(method):
    white = tf.fill((91, 37, 3), tf.constant(255, tf.uint8))
    to = Resize(height=40, width=50, method=method)
    assert np.all(resize_by_weights(white, to) == WHITE)
    same = Resize(height=151, width=224, method=method)
    np.testing.assert_array_equal(
        resize_by_weights(tf.constant(PHOTO), same), PHOTO.astype(int) * STEPS
    )


def by_matrices(image, to):
    """The same in NumPy, by integers: every new pixel a sum over all of the old ones."""

    def along(old, new):
        i, j = np.arange(new)[:, None], np.arange(old)
        if to.method == "area":
            share = np.minimum((i + 1) * old, (j + 1) * new) - np.maximum(i * old, j * new)
        else:
            reach = 2 * max(old, new) if to.antialias else 2 * new
            share = reach - abs((2 * j + 1) * new - (2 * i + 1) * old)
        ends = np.cumsum(np.maximum(share, 0), 1)
        total = ends[:, -1:]
        ends = (ends * 2**13 + total) // (2 * total)
        return np.diff(ends, axis=1, prepend=0)

    def rounded(total):
        return np.round(total / 2**12).astype(int)  # halves to even, as `weighted` does

    height, width, _ = image.shape
    shorter = np.einsum("ij,jxc->ixc", along(height, to.height), image.astype(int))
    shorter = rounded(shorter * STEPS)
    return rounded(np.einsum("ij,yjc->yic", along(width, to.width), shorter))


@pytest.mark.parametrize("size", [(1, 1), (7, 8), (9, 33), (64, 100), (151, 224), (400, 17)])
@pytest.mark.parametrize(
    ("method", "antialias"), [("bilinear", True), ("bilinear", False), ("area", True)]
)
def test_windows_of_the_old_pixels_give_what_all_of_them_would(method, antialias, size):
    to = Resize(height=size[0], width=size[1], method=method, antialias=antialias)
    for image in (PHOTO, PHOTO[:7, :16], PHOTO[:1, :2], np.tile(PHOTO, (4, 2, 1))[:, ::-1]):
        found = resize_by_weights(tf.constant(image), to).numpy()
        np.testing.assert_array_equal(found, by_matrices(image, to))
