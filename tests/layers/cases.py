"""The layers under contract, each with arguments that do something to a photograph."""

from __future__ import annotations

from pixelbake.layers import (
    BoxBlur,
    Brightness,
    BrightnessNormalization,
    ConditionalPixelTransform,
    Contrast,
    ContrastStretching,
    Crop,
    Equalize,
    Flip,
    Gamma,
    GaussianBlur,
    Grayscale,
    Hue,
    Invert,
    MedianBlur,
    Pad,
    Pixelate,
    Posterize,
    Rotate90,
    Saturation,
    Sharpen,
    Solarize,
)
from tests.layers.contract import Case

__all__ = ["CASES"]

RGB = (3,)

CASES = [
    Case(BoxBlur, {"kernel_size": (3, 5)}),
    Case(Brightness, {"factor": 1.3}, mixed_tolerance=0.02),
    Case(Brightness, {"factor": 0.7, "value_range": (-1, 1)}, mixed_tolerance=0.02),
    Case(
        BrightnessNormalization,
        {"target_mean": 0.5, "mean": 0.4},
        {"target_mean": 127.5, "mean": 102},
    ),
    Case(ConditionalPixelTransform, takes_mask=True, mixed_tolerance=0.02),
    Case(Contrast, {"factor": 1.5}),
    Case(
        ContrastStretching,
        {"darkest": 0.1, "brightest": 0.8},
        {"darkest": 25.5, "brightest": 204},
    ),
    Case(Crop, {"top": 2, "left": 3, "height": 12, "width": 16}),
    Case(Equalize),
    Case(Flip, {"mode": "horizontal"}),
    Case(Gamma, {"gamma": 0.6}),
    Case(GaussianBlur, {"kernel_size": 5, "sigma": 2.0}, mixed_tolerance=0.02),
    Case(GaussianBlur, {"kernel_size": (3, 9), "sigma": (0.8, 2.5)}, mixed_tolerance=0.02),
    Case(Grayscale, channels=RGB),
    Case(Grayscale, {"output_channels": 3}, channels=RGB),
    Case(Hue, {"factor": 0.2}, channels=RGB),
    Case(Invert),
    Case(MedianBlur, {"kernel_size": 3}),
    Case(Pad, {"padding": ((1, 2), (0, 3)), "mode": "reflect"}),
    Case(Pad, {"padding": 2, "value": 0.5}),
    Case(Pixelate, {"size": (3, 8)}),
    Case(Posterize, {"bits": 3}),
    Case(Rotate90, {"turns": 3}),
    Case(Saturation, {"factor": 1.6}, channels=RGB),
    Case(Sharpen, {"amount": 1.5}),
    Case(Solarize, {"threshold": 0.5}, {"threshold": 127.5}),
]
