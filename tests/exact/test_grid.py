"""The arithmetic on whole numbers, against fractions that no float rounds."""

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from pixelbake.exact.filters import _whole_weights
from pixelbake.exact.grid import (
    FACTOR_END,
    LARGEST_SUM,
    WEIGHT_BITS,
    WHITE,
    from_levels,
    quotient,
    times,
    to_uint8,
    weighted,
)
from pixelbake.layers.gaussian_blur import gaussian_weights


def test_every_level_is_on_the_grid_and_comes_back():
    levels = tf.range(256)
    pixels = from_levels(levels)
    assert pixels.numpy().max() == WHITE
    np.testing.assert_array_equal(to_uint8(pixels), levels)


def test_each_step_becomes_the_nearest_level_and_halves_the_even_one():
    steps = np.arange(WHITE + 1)
    found = to_uint8(tf.constant(steps, tf.float32)).numpy()
    assert found.tolist() == [round(Fraction(int(step) * 255, WHITE)) for step in steps]


def test_the_largest_weighted_sum_is_one_that_float32_holds():
    largest = WHITE * 2**WEIGHT_BITS
    assert largest < LARGEST_SUM
    assert np.float32(largest - 1) != np.float32(largest)
    assert weighted(tf.constant(float(largest))) == WHITE
    assert WHITE * WHITE < LARGEST_SUM  # what a mask blends


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 9, 255, WHITE, 4111])
def test_a_quotient_is_rounded_as_fractions_are(divisor):
    ends = np.arange(LARGEST_SUM - 2000, LARGEST_SUM)
    totals = np.concatenate([np.arange(3 * divisor), ends, ends - ends % divisor])
    expected = [(2 * int(t) + divisor) // (2 * divisor) for t in totals]
    assert quotient(tf.constant(totals, tf.float32), divisor).numpy().tolist() == expected


@pytest.mark.parametrize("divisor", [6, 14, 98, 254, WHITE, 4110])
def test_a_quotient_stays_as_it_is_where_an_optimiser_makes_a_product_of_it(divisor):
    halves = np.arange(divisor // 2, LARGEST_SUM, divisor)
    optimised = tf.function(lambda total: quotient(total, float(divisor)))
    found = optimised(tf.constant(halves, tf.float32)).numpy()
    np.testing.assert_array_equal(found, np.arange(1, len(halves) + 1))


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.2, 7.77, FACTOR_END - 0.01])
def test_a_product_is_within_a_step_or_beyond_white(factor):
    pixels = np.arange(-WHITE, WHITE + 1)
    found = times(tf.constant(pixels, tf.float32), factor).numpy()
    wanted = np.array([float(Fraction(factor) * int(p)) for p in pixels])
    np.testing.assert_allclose(
        np.clip(found, -WHITE, WHITE), np.clip(wanted, -WHITE, WHITE), atol=1
    )


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.5), (5, 2.0), (31, 8.0), (101, 40.0)])
def test_whole_weights_add_up_and_are_symmetric(size, sigma):
    weights = _whole_weights(gaussian_weights(size, sigma))
    assert sum(weights) == 2**WEIGHT_BITS
    assert min(weights) >= 0
    assert weights == weights[::-1]
