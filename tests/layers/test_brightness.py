import numpy as np
import pytest

from pixelbake.layers import Brightness
from tests.layers.contract import photographs, run_eagerly


@pytest.mark.parametrize("factor", [0, 0.5, 1, 1.2, 3])
def test_it_multiplies_and_clips_as_numpy_does(factor):
    images = photographs(2, 3, 31, 17)
    expected = np.clip(images * np.float32(factor), 0, 1)
    np.testing.assert_allclose(run_eagerly(Brightness(factor), images), expected, atol=1e-7)


def test_pixels_in_0_to_255_are_not_turned_binary():
    images = photographs(1, 3, 20, 20) * 255
    result = run_eagerly(Brightness(1.5, value_range=(0, 255)), images)
    np.testing.assert_allclose(result, np.clip(images * 1.5, 0, 255), rtol=1e-6)
    assert len(np.unique(result)) > 50


def test_black_stays_black_whatever_its_value():
    images = photographs(1, 3, 8, 8) * 2 - 1
    images[0, 0, 0] = -1
    result = run_eagerly(Brightness(2, value_range=(-1, 1)), images)
    np.testing.assert_allclose(result, np.clip((images + 1) * 2 - 1, -1, 1), atol=1e-6)
    np.testing.assert_array_equal(result[0, 0, 0], [-1, -1, -1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": -0.1}, "factor must be at least 0. Received: factor=-0.1"),
        ({"factor": float("nan")}, "factor must be a finite number. Received: factor=nan"),
        ({"factor": "1.2"}, "Received: factor='1.2'"),
        ({"factor": True}, "Received: factor=True"),
        ({"factor": 1, "value_range": (1, 0)}, "low < high. Received: value_range=\\(1, 0\\)"),
        ({"factor": 1, "value_range": 255}, "Received: value_range=255"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        Brightness(**arguments)
