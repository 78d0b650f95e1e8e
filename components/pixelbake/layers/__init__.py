"""Keras 3 pixel layers: deterministic, channels-last, serialisable without a Lambda."""

from pixelbake.layers.brightness import Brightness
from pixelbake.layers.conditional_pixel_transform import ConditionalPixelTransform
from pixelbake.layers.gaussian_blur import GaussianBlur

__all__ = ["Brightness", "ConditionalPixelTransform", "GaussianBlur"]
