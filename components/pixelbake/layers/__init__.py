"""Keras 3 pixel layers: deterministic, channels-last, serialisable without a Lambda."""

from pixelbake.layers.box_blur import BoxBlur
from pixelbake.layers.brightness import Brightness
from pixelbake.layers.brightness_normalization import BrightnessNormalization
from pixelbake.layers.conditional_pixel_transform import ConditionalPixelTransform
from pixelbake.layers.contrast import Contrast
from pixelbake.layers.contrast_stretching import ContrastStretching
from pixelbake.layers.crop import Crop
from pixelbake.layers.equalize import Equalize
from pixelbake.layers.flip import Flip
from pixelbake.layers.gamma import Gamma
from pixelbake.layers.gaussian_blur import GaussianBlur
from pixelbake.layers.grayscale import Grayscale
from pixelbake.layers.hue import Hue
from pixelbake.layers.invert import Invert
from pixelbake.layers.median_blur import MedianBlur
from pixelbake.layers.pad import Pad
from pixelbake.layers.pixelate import Pixelate
from pixelbake.layers.posterize import Posterize
from pixelbake.layers.rotate90 import Rotate90
from pixelbake.layers.saturation import Saturation
from pixelbake.layers.sharpen import Sharpen
from pixelbake.layers.solarize import Solarize

__all__ = [
    "BoxBlur",
    "Brightness",
    "BrightnessNormalization",
    "ConditionalPixelTransform",
    "Contrast",
    "ContrastStretching",
    "Crop",
    "Equalize",
    "Flip",
    "Gamma",
    "GaussianBlur",
    "Grayscale",
    "Hue",
    "Invert",
    "MedianBlur",
    "Pad",
    "Pixelate",
    "Posterize",
    "Rotate90",
    "Saturation",
    "Sharpen",
    "Solarize",
]
