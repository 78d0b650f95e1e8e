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
