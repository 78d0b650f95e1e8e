"""BrightnessNormalization: brings the mean brightness of a data set to a target."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, not_fitted, value_range_pair
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["BrightnessNormalization"]


@keras.saving.register_keras_serializable(package="pixelbake")
class BrightnessNormalization(PixelLayer):
    """Multiplies pixels so that the mean over a data set becomes `target_mean`.

    `clip(low + (x - low) * (target_mean - low) / (mean - low), low, high)`. One factor for all
    images: dark ones stay darker than bright ones. Pixels that are clipped pull the new mean
    below the target.

    ```python
    BrightnessNormalization(0.5)  # in a recipe: the job fits `mean` on the data first
    BrightnessNormalization(0.5, mean=0.42)(images)  # pixels in [0, 1]
    ```

    Args:
        target_mean: The mean to reach, within `value_range`.
        mean: The mean over all pixels and channels of the data set, more than `low`. Default
            None: to be fitted (`pixelbake.fit_recipe`, which every job calls by itself).
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
    fitted_arguments = ("mean",)

    def __init__(
        self,
        target_mean: float,
        mean: float | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_pair(value_range)
        low, high = self.value_range
        self.target_mean = finite_number("target_mean", target_mean, low=low)
        if self.target_mean > high:
            raise ValueError(
                f"target_mean must be within value_range={self.value_range}. Received: "
                f"target_mean={target_mean!r}."
            )
        self.mean = None if mean is None else finite_number("mean", mean)
        if self.mean is not None and not low < self.mean <= high:
            raise ValueError(
                f"mean must be more than {low:g} (black) and at most {high:g}. Received: "
                f"mean={mean!r}."
            )

    def fit_arguments(self, levels: Any) -> dict[str, float]:
        """Returns what `fitted_arguments` become on data of these statistics.

        Args:
            levels: The `LevelHistogram` of the pixels that the layer will see.

        Raises:
            ValueError: All pixels are black.
        """
        mean = levels.mean
        if mean <= self.value_range[0]:
            raise ValueError("all pixels are black: no factor gives them a mean brightness.")
        return {"mean": mean}

    def transform(self, images: Any) -> Any:
        """Returns the images at the new brightness."""
        if self.mean is None:
            raise not_fitted("BrightnessNormalization", self.fitted_arguments)
        low, high = self.value_range
        factor = (self.target_mean - low) / (self.mean - low)
        scaled = images * factor if low == 0 else (images - low) * factor + low
        return ops.clip(scaled, low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "target_mean": self.target_mean,
            "mean": self.mean,
            "value_range": self.value_range,
        }
