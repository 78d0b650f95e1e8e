import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from pixelbake.recipe.level_histogram import LEVELS, LevelHistogram


def histogram(levels: np.ndarray, white: float = 1.0) -> LevelHistogram:
    """Counts levels `[..., C]` of 0 to 4080, by NumPy."""
    columns = levels.reshape(-1, levels.shape[-1]).T
    return LevelHistogram(np.stack([np.bincount(c, minlength=LEVELS) for c in columns]), white)


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return load_sample_images().images[0]


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_its_statistics_are_those_of_numpy_over_the_same_pixels(photograph, white):
    levels = histogram(photograph.astype(int) * 16, white)
    pixels = photograph.astype(np.float64) / 255 * white
    assert levels.pixels == 427 * 640
    assert levels.mean == pytest.approx(pixels.mean(), rel=1e-12)
    assert levels.channel_means == pytest.approx(pixels.mean((0, 1)), rel=1e-12)
    assert levels.channel_variances == pytest.approx(pixels.var((0, 1)), rel=1e-12)


@pytest.mark.parametrize("q", [0, 0.1, 1, 25, 50, 99, 99.99, 100])
def test_its_percentiles_are_those_of_numpy_over_the_same_pixels(photograph, q):
    few = photograph[:7, :9]  # so that most percentiles fall between two pixels
    for pixels in (few, photograph):
        levels = histogram(pixels.astype(int) * 16)
        assert levels.percentile(q) == pytest.approx(np.percentile(pixels / 255, q), rel=1e-12)


def test_the_sum_does_not_depend_on_how_the_pixels_were_split(photograph):
    whole = histogram(photograph.astype(int) * 16)
    parts = [histogram(part.astype(int) * 16) for part in np.array_split(photograph, 5)]
    total = sum(parts, LevelHistogram.empty(3, 1.0))
    np.testing.assert_array_equal(total.counts, whole.counts)


def test_counts_of_a_billion_large_images_do_not_overflow():
    counts = np.zeros((1, LEVELS), np.int64)
    counts[0, [0, -1]] = 10**9 * 2_000_000
    levels = LevelHistogram(counts, 255.0)
    assert levels.mean == 127.5
    assert levels.channel_variances == [127.5**2]
    assert levels.percentile(75) == 255.0
