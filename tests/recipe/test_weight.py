import base64

import numpy as np
import pytest

from pixelbake.errors import RecipeError
from pixelbake.recipe import Weight


@pytest.mark.parametrize("shape", [(3, 3, 1, 1), (5,), (0, 3)])
def test_an_array_comes_back_bit_for_bit(shape):
    array = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    weight = Weight.from_array(array)
    assert weight.shape == shape
    assert weight.to_array().dtype == np.float32
    np.testing.assert_array_equal(weight.to_array(), array)
    assert Weight.model_validate_json(weight.model_dump_json()) == weight


def test_a_scalar_comes_back_as_a_scalar():
    assert Weight.from_array(np.float32(3.5)).shape == ()


def test_a_scalar_shape_holds_one_value():
    data = base64.b64encode(np.float32(3.5).tobytes()).decode()
    assert Weight(shape=(), data=data).to_array() == np.float32(3.5)


def test_the_order_in_memory_does_not_matter():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert Weight.from_array(np.asfortranarray(array)) == Weight.from_array(array)
    assert Weight.from_array(array.astype(">f8")) == Weight.from_array(array)
    assert Weight.from_array(array.T) != Weight.from_array(array)


def test_values_are_little_endian_and_row_major():
    weight = Weight.from_array([[1.0, 2.0], [3.0, 4.0]])
    assert base64.b64decode(weight.data) == np.array([1, 2, 3, 4], "<f4").tobytes()


@pytest.mark.parametrize(
    ("shape", "data", "message"),
    [
        ((2,), "", r"shape \(2,\) needs 8 bytes of float32. Received: 0 bytes"),
        ((1,), "AAAAAAAAAAA=", r"shape \(1,\) needs 4 bytes of float32. Received: 8 bytes"),
        ((), "", r"shape \(\) needs 4 bytes of float32. Received: 0 bytes"),
        ((1,), "AAA", "padding"),
        ((1,), "AA AAAA==", "base64"),
        ((1.0,), "AAAAAA==", "shape.0"),
        (1, "AAAAAA==", "shape"),
    ],
)
def test_data_that_does_not_fit_the_shape_is_refused(shape, data, message):
    with pytest.raises(RecipeError, match=message):
        Weight(shape=shape, data=data)


def test_a_negative_dimension_is_refused():
    with pytest.raises(RecipeError, match="-2"):
        Weight(shape=(-2, -1), data="AAAAAAAAAAA=")


def test_its_values_are_not_spelt_out_where_it_is_shown():
    assert repr(Weight.from_array(np.zeros((64, 64)))) == "Weight(shape=(64, 64))"
