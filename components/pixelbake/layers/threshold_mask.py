"""ThresholdMask: the bright pixels as a mask."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, value_range_pair, whole_number
from pixelbake.layers.grayscale import luma
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["ThresholdMask"]


@keras.saving.register_keras_serializable(package="pixelbake")
class ThresholdMask(PixelLayer):
    """Makes a mask that is 1 where pixels are brighter than a threshold, and 0 elsewhere.

    `x > threshold`, as OpenCV's `THRESH_BINARY`. It has no gradient.

    ```python
    ThresholdMask(0.5)(images)
    Masked(ThresholdMask(0.8, channel=2), inside=Fill(0))(images)  # blacks out what is very blue
    ```

    Args:
        threshold: In units of the pixels, within `value_range`.
        channel: Which channel to look at, from 0. Default None: the only one, or the BT.601 luma
            of RGB (of RGBA, whatever the alpha).
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`.

    Returns:
        A mask `[B, H, W, 1]` in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4 or has other
            channels.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self,
        threshold: float,
        channel: int | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_pair(value_range)
        self.threshold = finite_number("threshold", threshold)
        low, high = self.value_range
        if not low <= self.threshold <= high:
            raise ValueError(
                f"threshold must be within value_range {self.value_range}. Received: "
                f"threshold={threshold!r}."
            )
        self.channel = None if channel is None else whole_number("channel", channel, 0)

    def transform(self, images: Any) -> Any:
        """Returns 1 where pixels are brighter, and 0 elsewhere."""
        if self.channel is not None:
            seen = images[..., self.channel : self.channel + 1]
        else:
            seen = images if images.shape[-1] == 1 else luma(images)
        return ops.cast(seen > self.threshold, images.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `[B, H, W, 1]`."""
        channels = input_shape[3]
        if channels is not None and self.channel is not None and self.channel >= channels:
            raise ValueError(
                f"ThresholdMask looks at channel {self.channel}, counted from 0. Received: shape "
                f"{tuple(input_shape)}."
            )
        if self.channel is None and channels not in (1, 3, 4):
            raise ValueError(
                "ThresholdMask without a channel takes 1, 3 or 4 channels. Received: shape "
                f"{tuple(input_shape)}."
            )
        return (*input_shape[:3], 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "channel": self.channel,
            "value_range": self.value_range,
        }
