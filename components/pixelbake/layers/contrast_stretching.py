"""ContrastStretching: spreads the levels between two percentiles of a data set."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, not_fitted, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["ContrastStretching"]


@keras.saving.register_keras_serializable(package="pixelbake")
class ContrastStretching(PixelLayer):
    """Spreads the levels between two percentiles of a data set over the whole range.

    `clip(low + (x - darkest) * (high - low) / (brightest - darkest), low, high)`, where
    `(low, high)` is `value_range`: what `skimage.exposure.rescale_intensity` does with
    `in_range=(darkest, brightest)`. One stretch for all images and channels: colours and the
    differences between images are kept.

    ```python
    ContrastStretching()  # in a recipe: the job fits `darkest` and `brightest` on the data first
    ContrastStretching(darkest=0.1, brightest=0.8)(images)  # pixels in [0, 1]
    ```

    Args:
        lower_percentile: Percentile that becomes black, 0 to 100. Default 1.
        upper_percentile: Percentile that becomes white, more than `lower_percentile` and at most
            100. Default 99.
        darkest: The level of `lower_percentile` in the data set. Default None: to be fitted
            (`pixelbake.fit_recipe`, which every job calls by itself).
        brightest: The level of `upper_percentile`, more than `darkest`. Default None: to be
            fitted.
        value_range: `(low, high)` of the pixels, which the layer does not rescale. Default
            `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, the input is not of rank 4, or the layer is
            called before it is fitted.
        TypeError: The input is not of a float dtype.
    """

    #: Arguments that are None until they are fitted on data.
    fitted_arguments = ("darkest", "brightest")

    def __init__(
        self,
        lower_percentile: float = 1.0,
        upper_percentile: float = 99.0,
        darkest: float | None = None,
        brightest: float | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lower_percentile = finite_number("lower_percentile", lower_percentile, low=0.0)
        self.upper_percentile = finite_number("upper_percentile", upper_percentile, low=0.0)
        if not self.lower_percentile < self.upper_percentile <= 100.0:
            raise ValueError(
                "percentiles must be 0 <= lower_percentile < upper_percentile <= 100. Received: "
                f"lower_percentile={lower_percentile!r}, upper_percentile={upper_percentile!r}."
            )
        self.value_range = value_range_pair(value_range)
        self.darkest = None if darkest is None else finite_number("darkest", darkest)
        self.brightest = None if brightest is None else finite_number("brightest", brightest)
        if (self.darkest is None) != (self.brightest is None):
            raise ValueError(
                "darkest and brightest go together: give both, or neither to have them fitted. "
                f"Received: darkest={darkest!r}, brightest={brightest!r}."
            )
        if self.darkest is None or self.brightest is None:
            return
        if not self.darkest < self.brightest:
            raise ValueError(
                f"darkest must be less than brightest. Received: darkest={darkest!r}, "
                f"brightest={brightest!r}."
            )

    def fit_arguments(self, levels: Any) -> dict[str, float]:
        """Returns what `fitted_arguments` become on data of these statistics.

        Args:
            levels: The `LevelHistogram` of the pixels that the layer will see.

        Raises:
            ValueError: Both percentiles are the same level.
        """
        darkest = levels.percentile(self.lower_percentile)
        brightest = levels.percentile(self.upper_percentile)
        if not darkest < brightest:
            raise ValueError(
                f"the percentiles {self.lower_percentile:g} and {self.upper_percentile:g} are both "
                f"{darkest:g}: there is no contrast to stretch."
            )
        return {"darkest": darkest, "brightest": brightest}

    def transform(self, images: Any) -> Any:
        """Returns the stretched images."""
        if self.darkest is None or self.brightest is None:
            raise not_fitted("ContrastStretching", self.fitted_arguments)
        low, high = self.value_range
        gain = (high - low) / (self.brightest - self.darkest)
        return ops.clip((images - self.darkest) * gain + low, low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "lower_percentile": self.lower_percentile,
            "upper_percentile": self.upper_percentile,
            "darkest": self.darkest,
            "brightest": self.brightest,
            "value_range": self.value_range,
        }
