"""Layers that look at each pixel's neighbours, against SciPy, OpenCV and NumPy."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from pixelbake.layers import BoxBlur, MedianBlur, Pixelate, Sharpen
from tests.layers.contract import photographs, run_eagerly


def of_each_image(function, images):
    return np.stack([function(image).reshape(image.shape) for image in images])


@pytest.mark.parametrize("amount", [0, 0.5, 3])
def test_sharpen_is_an_unsharp_mask_of_scipys_blur(amount):
    images = photographs(2, 3, 40, 33)
    blurred = images.astype(np.float64)
    for axis in (1, 2):
        blurred = ndimage.gaussian_filter1d(blurred, 1.5, axis, mode="mirror", truncate=3 / 1.5)
    expected = np.clip(images + amount * (images - blurred), 0, 1)
    result = run_eagerly(Sharpen(amount, kernel_size=7, sigma=1.5), images)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 1), (1, 7), (9, 5), (3, 31), (31, 15)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_box_blur_agrees_with_opencv(size, channels):
    images = photographs(2, channels, 40, 33)
    expected = of_each_image(
        lambda image: cv2.blur(image, size[::-1], borderType=cv2.BORDER_REFLECT_101), images
    )
    np.testing.assert_allclose(run_eagerly(BoxBlur(size), images), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 3), (5, 5), (7, 3), (7, 7)])
def test_median_blur_equals_scipy(size):
    images = photographs(2, 3, 23, 19)
    expected = ndimage.median_filter(images, size=(1, *size, 1), mode="mirror")
    np.testing.assert_array_equal(run_eagerly(MedianBlur(size), images), expected)


@pytest.mark.parametrize("size", [1, 2, (3, 8), (5, 100), 64])
def test_pixelate_gives_each_block_its_mean(size):
    images = photographs(2, 3, 40, 33)
    height, width = size if isinstance(size, tuple) else (size, size)
    expected = images.astype(np.float64)
    for top in range(0, 40, height):
        for left in range(0, 33, width):
            block = (slice(None), slice(top, top + height), slice(left, left + width))
            expected[block] = expected[block].mean((1, 2), keepdims=True)
    np.testing.assert_allclose(run_eagerly(Pixelate(size), images), expected, atol=1e-6)


@pytest.mark.parametrize(
    "layer", [BoxBlur(7), MedianBlur(7), Sharpen(1, 7)], ids=lambda one: one.name
)
def test_an_image_smaller_than_the_mirrored_border_is_refused(layer):
    with pytest.raises(ValueError, match=r"needs a height of more than that.*\(1, 3, 20, 3\)"):
        layer(np.zeros((1, 3, 20, 3), np.float32))
    assert layer(np.zeros((1, 4, 20, 3), np.float32)).shape == (1, 4, 20, 3)


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (Sharpen, {"amount": -1}, "amount must be at least 0. Received: amount=-1"),
        (Sharpen, {"amount": 1, "kernel_size": 4}, "odd integer.*Received: kernel_size=4"),
        (Sharpen, {"amount": 1, "sigma": 0}, "Received: sigma=0"),
        (BoxBlur, {"kernel_size": 2}, "odd integer.*Received: kernel_size=2"),
        (MedianBlur, {"kernel_size": (3, 4)}, r"Received: kernel_size=\(3, 4\)"),
        (MedianBlur, {"kernel_size": 9}, "kernel_size must be at most 7. Received: kernel_size=9"),
        (Pixelate, {"size": 0}, "size must be an integer of at least 1. Received: size=0"),
        (Pixelate, {"size": (2, 2, 2)}, r"Received: size=\(2, 2, 2\)"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**arguments)
