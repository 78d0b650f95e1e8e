import numpy as np
import pytest

from pixelbake.layers import ContrastStretching
from tests.layers.contract import photographs


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_levels_between_are_spread_over_the_whole_range(white):
    images = photographs(3, 3, 60, 80) * np.float32(white)
    darkest, brightest = np.percentile(images, [1, 99]).tolist()
    layer = ContrastStretching(darkest=darkest, brightest=brightest, value_range=(0, white))
    expected = np.interp(images, [darkest, brightest], [0, white])
    np.testing.assert_allclose(np.asarray(layer(images)), expected, atol=1e-5 * white)


def test_called_before_it_is_fitted_it_says_so():
    with pytest.raises(ValueError, match="darkest=None, brightest=None"):
        ContrastStretching()(photographs(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lower_percentile": 60, "upper_percentile": 40}, "lower_percentile < upper_percentile"),
        ({"upper_percentile": 101}, "<= 100"),
        ({"lower_percentile": -1}, "at least 0"),
        ({"darkest": 0.1}, "go together"),
        ({"darkest": 0.5, "brightest": 0.5}, "less than brightest"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ContrastStretching(**arguments)
