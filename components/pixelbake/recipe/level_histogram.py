"""How often each level occurs in a data set: all that the fitted layers are fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = ["LEVELS", "LevelHistogram"]

#: Sixteenths of a gray level, black and white included. The pixels of an image are counted without
#: any rounding, those between them (after a resize or another layer) within 1/8160 of the range.
#: Counts are integers, so that their sum does not depend on how the data were split.
LEVELS = 255 * 16 + 1


@dataclass(frozen=True, eq=False)
class LevelHistogram:
    """How often each level occurs, by channel.

    Attributes:
        counts: int64 `[C, LEVELS]`.
        white: The upper end of the pixels' `value_range`, 1 or 255; the lower is 0.
    """

    counts: np.ndarray
    white: float

    @classmethod
    def empty(cls, channels: int, white: float) -> LevelHistogram:
        """Returns the histogram of no pixels."""
        return cls(np.zeros((channels, LEVELS), np.int64), white)

    def __add__(self, other: LevelHistogram) -> LevelHistogram:
        return LevelHistogram(self.counts + other.counts, self.white)

    @property
    def pixels(self) -> int:
        """How many pixels were counted, each once whatever its channels."""
        return int(self.counts[0].sum())

    @property
    def mean(self) -> float:
        """The mean over all pixels and channels, in the pixels' `value_range`."""
        return self._unit(_moment(self.counts.sum(0), 1))

    @property
    def channel_means(self) -> list[float]:
        """The mean of each channel, in the pixels' `value_range`."""
        return [self._unit(_moment(counts, 1)) for counts in self.counts]

    @property
    def channel_variances(self) -> list[float]:
        """The population variance of each channel, in squared units of `value_range`."""
        return [
            float((_moment(counts, 2) - _moment(counts, 1) ** 2) * self._step**2)
            for counts in self.counts
        ]

    def percentile(self, q: float) -> float:
        """Returns a percentile over all channels, as `numpy.percentile(pixels, q)` gives it.

        Args:
            q: 0 to 100. Between two pixels the level is interpolated linearly.
        """
        ends = np.cumsum(self.counts.sum(0))
        at = Fraction(q) / 100 * (int(ends[-1]) - 1)
        below = int(at)
        level, next_level = np.searchsorted(
            ends, [below, min(below + 1, int(ends[-1]) - 1)], "right"
        )
        return self._unit(int(level) + (at - below) * (int(next_level) - int(level)))

    @property
    def _step(self) -> Fraction:
        return Fraction(self.white) / (LEVELS - 1)

    def _unit(self, level: Fraction) -> float:
        return float(level * self._step)


def _moment(counts: np.ndarray, power: int) -> Fraction:
    """Returns the mean of `level ** power`, exactly: a billion images would overflow an int64."""
    total = sum(int(n) * level**power for level, n in enumerate(counts) if n)
    return Fraction(total, int(counts.sum()))
