import numpy as np
import pytest

from pixelbake.layers import BrightnessNormalization
from tests.layers.contract import photographs


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_mean_of_the_data_becomes_the_target(white):
    images = photographs(3, 3, 60, 80) * np.float32(white)
    layer = BrightnessNormalization(0.3 * white, images.mean().item(), value_range=(0, white))
    assert np.asarray(layer(images)).mean() == pytest.approx(0.3 * white, rel=1e-4)


def test_black_stays_black_where_it_is_not_zero():
    images = photographs(1, 3, 20, 20) * 2 - 1
    images[:, :4] = -1
    bright = np.asarray(BrightnessNormalization(0.2, -0.1, value_range=(-1, 1))(images))
    assert (bright[:, :4] == -1).all()
    expected = np.clip((images + 1) * np.float32(1.2 / 0.9) - 1, -1, 1)
    np.testing.assert_allclose(bright, expected, atol=1e-6)


def test_called_before_it_is_fitted_it_says_so():
    with pytest.raises(ValueError, match=r"not fitted\. Received: mean=None.*fit_recipe"):
        BrightnessNormalization(0.5)(photographs(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_mean": 1.2}, r"within value_range.*Received: target_mean=1\.2"),
        ({"target_mean": -0.1}, "at least 0"),
        ({"target_mean": 0.5, "mean": 0}, r"more than 0 \(black\).*Received: mean=0"),
        ({"target_mean": 0.5, "mean": float("nan")}, "finite"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BrightnessNormalization(**arguments)
