"""Keras 3 pixel layers: deterministic, channels-last, serialisable without a Lambda."""

from pixelbake.layers.brightness import Brightness
from pixelbake.layers.brightness_normalization import BrightnessNormalization
from pixelbake.layers.conditional_pixel_transform import ConditionalPixelTransform
from pixelbake.layers.contrast_stretching import ContrastStretching
from pixelbake.layers.gaussian_blur import GaussianBlur

__all__ = [
    "Brightness",
    "BrightnessNormalization",
    "ConditionalPixelTransform",
    "ContrastStretching",
    "GaussianBlur",
]
