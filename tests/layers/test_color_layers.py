"""Layers that change the colours of each pixel, against Pillow, OpenCV, colorsys and NumPy."""

import colorsys

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from pixelbake.layers import (
    Contrast,
    Equalize,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Posterize,
    Saturation,
    Solarize,
)
from tests.layers.contract import photographs, run_eagerly


def eight_bit(channels=3, height=61, width=47):
    """Crops of the photographs as uint8."""
    return np.round(photographs(2, channels, height, width) * 255).astype(np.uint8)


def on_8_bit(layer, images):
    """What a layer over [0, 1] makes of uint8 images, as uint8."""
    return np.round(run_eagerly(layer, images.astype(np.float32) / 255) * 255).astype(np.uint8)


def by_pillow(function, images):
    return np.stack([np.asarray(function(Image.fromarray(image))) for image in images])


@pytest.mark.parametrize("factor", [0, 0.4, 1, 2.5])
def test_contrast_agrees_with_tensorflow(factor):
    images = photographs(2, 3, 40, 33)
    expected = np.clip(tf.image.adjust_contrast(images, factor).numpy(), 0, 1)
    np.testing.assert_allclose(run_eagerly(Contrast(factor), images), expected, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.3, 1, 2.2])
def test_gamma_agrees_with_a_table_of_opencv(gamma):
    images = eight_bit()
    table = np.round((np.arange(256) / 255) ** gamma * 255).astype(np.uint8)
    expected = np.stack([cv2.LUT(image, table) for image in images])
    np.testing.assert_array_equal(on_8_bit(Gamma(gamma), images), expected)


def test_gamma_clips_pixels_below_black_instead_of_giving_nan():
    images = np.array([-0.2, 0, 1, 1.3], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(run_eagerly(Gamma(0.5), images).ravel(), [0, 0, 1, 1])


def in_hsv(images, change):
    """Changes each pixel's hue, saturation and value by the standard library's conversions."""
    pixels = [
        colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel)))
        for pixel in images.reshape(-1, 3).astype(np.float64)
    ]
    return np.reshape(pixels, images.shape)


@pytest.mark.parametrize("factor", [0, 0.5, 1, 1.7, 30])
def test_saturation_agrees_with_colorsys(factor):
    images = photographs(2, 3, 40, 33)
    images[0, 0, :3] = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]
    expected = in_hsv(images, lambda h, s, v: (h, min(1, s * factor), v))
    np.testing.assert_allclose(run_eagerly(Saturation(factor), images), expected, atol=2e-6)


@pytest.mark.parametrize("factor", [-1, -0.3, 0, 0.1, 0.5, 1 / 3])
def test_hue_agrees_with_colorsys(factor):
    images = photographs(2, 3, 40, 33)
    images[0, 0, :3] = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]
    expected = in_hsv(images, lambda h, s, v: ((h + factor) % 1, s, v))
    np.testing.assert_allclose(run_eagerly(Hue(factor), images), expected, atol=5e-6)


def test_grayscale_agrees_with_opencv_and_pillow():
    images = eight_bit()
    result = on_8_bit(Grayscale(), images)[..., 0].astype(int)
    opencv = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images])
    pillow = by_pillow(lambda image: image.convert("L"), images)
    assert np.abs(result - opencv).max() <= 1  # their sums are in 15 and 16 bits
    assert np.abs(result - pillow).max() <= 1
    assert (result == pillow).mean() > 0.99
    three = on_8_bit(Grayscale(output_channels=3), images)
    np.testing.assert_array_equal(three, np.repeat(result[..., None], 3, -1))


def test_invert_equals_pillow():
    images = eight_bit()
    np.testing.assert_array_equal(on_8_bit(Invert(), images), by_pillow(ImageOps.invert, images))


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize_equals_pillow(bits):
    images = eight_bit()
    expected = by_pillow(lambda image: ImageOps.posterize(image, bits), images)
    np.testing.assert_array_equal(on_8_bit(Posterize(bits), images), expected)


@pytest.mark.parametrize("threshold", [0, 1, 128, 200, 255])
def test_solarize_equals_pillow(threshold):
    images = eight_bit()
    expected = by_pillow(lambda image: ImageOps.solarize(image, threshold), images)
    layer = Solarize(threshold, value_range=(0, 255))
    result = run_eagerly(layer, images.astype(np.float32))
    np.testing.assert_array_equal(result, expected.astype(np.float32))


@pytest.mark.parametrize("size", [(61, 47), (20, 15), (7, 5), (1, 1)])
def test_equalize_equals_pillow(size):
    images = eight_bit(3, *size)
    np.testing.assert_array_equal(
        on_8_bit(Equalize(), images), by_pillow(ImageOps.equalize, images)
    )


def test_equalize_equals_pillow_on_every_level_and_on_flat_images():
    ramp = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    flat = np.full_like(ramp, 77)
    two = np.where(ramp < 9, 3, 200).astype(np.uint8)
    dark = (ramp // 16).astype(np.uint8)
    images = np.concatenate([ramp, flat, two, dark])
    np.testing.assert_array_equal(
        on_8_bit(Equalize(), images), by_pillow(ImageOps.equalize, images)
    )


@pytest.mark.parametrize(
    "layer", [Saturation(1.2), Hue(0.1), Grayscale()], ids=lambda one: one.name
)
@pytest.mark.parametrize("channels", [1, 4])
def test_images_that_are_not_rgb_are_refused_by_layers_over_colors(layer, channels):
    with pytest.raises(
        ValueError, match=rf"takes RGB images of 3 channels. Received: shape .*{channels}\)"
    ):
        layer(photographs(1, channels, 8, 8))


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (Contrast, {"factor": -1}, "factor must be at least 0. Received: factor=-1"),
        (Gamma, {"gamma": 0}, "gamma must be greater than 0. Received: gamma=0"),
        (Gamma, {"gamma": "2"}, "gamma must be a finite number. Received: gamma='2'"),
        (Saturation, {"factor": None}, "Received: factor=None"),
        (Hue, {"factor": 1.5}, "factor must be from -1 to 1. Received: factor=1.5"),
        (Grayscale, {"output_channels": 2}, "must be 1 or 3. Received: output_channels=2"),
        (Grayscale, {"output_channels": True}, "Received: output_channels=True"),
        (Invert, {"value_range": (1, 1)}, r"low < high. Received: value_range=\(1, 1\)"),
        (Posterize, {"bits": 0}, "bits must be an integer from 1 to 8. Received: bits=0"),
        (Posterize, {"bits": 3.0}, "Received: bits=3.0"),
        (Solarize, {"threshold": 128}, r"within value_range \(0.0, 1.0\). Received: threshold=128"),
        (Equalize, {"value_range": 255}, "Received: value_range=255"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**arguments)
