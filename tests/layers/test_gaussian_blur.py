import cv2
import numpy as np
import pytest
from scipy import ndimage

from pixelbake.layers import GaussianBlur
from tests.layers.contract import photographs, run_eagerly

NARROW = [(3, 0.5), (5, 2.0), (11, 3.0), ((3, 9), (0.7, 2.5)), ((1, 7), 1.5), (1, 1.0)]
#: TensorFlow's own depthwise convolution crashes on these, or is wrong, on some processors.
WIDE = [((1, 15), 3.0), ((1, 17), 4.0), ((17, 21), (3.0, 5.0)), (31, 6.0), ((1, 63), 9.0)]
KERNELS = NARROW + WIDE


def both(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize(("kernel_size", "sigma"), KERNELS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_it_agrees_with_scipy(kernel_size, sigma, channels):
    images = photographs(2, channels, 40, 33)
    expected = images.astype(np.float64)
    for axis, size, s in zip((1, 2), both(kernel_size), both(sigma), strict=True):
        expected = ndimage.gaussian_filter1d(
            expected, s, axis=axis, mode="mirror", truncate=(size // 2) / s
        )
    result = run_eagerly(GaussianBlur(kernel_size, sigma), images)
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kernel_size", "sigma"), KERNELS)
def test_it_agrees_with_opencv(kernel_size, sigma):
    images = photographs(2, 3, 40, 33)
    (height, width), (sigma_y, sigma_x) = both(kernel_size), both(sigma)
    expected = np.stack(
        [
            cv2.GaussianBlur(
                image, (width, height), sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT_101
            )
            for image in images
        ]
    )
    result = run_eagerly(GaussianBlur(kernel_size, sigma), images)
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


def test_a_flat_image_stays_flat_up_to_its_border():
    flat = np.full((1, 16, 16, 3), 0.7, np.float32)
    np.testing.assert_allclose(run_eagerly(GaussianBlur(7, 2.0), flat), flat, atol=1e-6)


@pytest.mark.parametrize("kernel_size", [0, 2, 4, -3, 3.0, True, (3, 4), (3, 3, 3), "3"])
def test_a_kernel_size_that_is_not_odd_and_positive_is_refused(kernel_size):
    with pytest.raises(ValueError, match=r"kernel_size.*Received: kernel_size="):
        GaussianBlur(kernel_size, 1.0)


@pytest.mark.parametrize("sigma", [0, -1, float("inf"), "2", (1.0, 0.0)])
def test_a_sigma_that_is_not_positive_is_refused(sigma):
    with pytest.raises(ValueError, match=r"sigma.*Received: sigma="):
        GaussianBlur(3, sigma)


def test_an_image_smaller_than_the_mirrored_border_is_refused():
    with pytest.raises(ValueError, match=r"needs a height of more than that.*\(1, 3, 20, 3\)"):
        GaussianBlur(7, 1.0)(np.zeros((1, 3, 20, 3), np.float32))
    assert GaussianBlur(7, 1.0)(np.zeros((1, 4, 20, 3), np.float32)).shape == (1, 4, 20, 3)
