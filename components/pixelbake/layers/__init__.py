"""Keras 3 pixel layers: deterministic, channels-last, serialisable without a Lambda."""

from pixelbake.layers.box_blur import BoxBlur
from pixelbake.layers.box_mask import BoxMask
from pixelbake.layers.brightness import Brightness
from pixelbake.layers.brightness_normalization import BrightnessNormalization
from pixelbake.layers.clahe import CLAHE
from pixelbake.layers.combined_mask import CombinedMask
from pixelbake.layers.conditional_pixel_transform import ConditionalPixelTransform
from pixelbake.layers.contrast import Contrast
from pixelbake.layers.contrast_stretching import ContrastStretching
from pixelbake.layers.crop import Crop
from pixelbake.layers.ellipse_mask import EllipseMask
from pixelbake.layers.equalize import Equalize
from pixelbake.layers.feature_mask import FeatureMask
from pixelbake.layers.fill import Fill
from pixelbake.layers.flip import Flip
from pixelbake.layers.gamma import Gamma
from pixelbake.layers.gaussian_blur import GaussianBlur
from pixelbake.layers.grayscale import Grayscale
from pixelbake.layers.hue import Hue
from pixelbake.layers.invert import Invert
from pixelbake.layers.masked import Masked
from pixelbake.layers.median_blur import MedianBlur
from pixelbake.layers.pad import Pad
from pixelbake.layers.pixelate import Pixelate
from pixelbake.layers.polygon_mask import PolygonMask
from pixelbake.layers.posterize import Posterize
from pixelbake.layers.rotate90 import Rotate90
from pixelbake.layers.saturation import Saturation
from pixelbake.layers.sharpen import Sharpen
from pixelbake.layers.solarize import Solarize
from pixelbake.layers.threshold_mask import ThresholdMask

__all__ = [
    "BoxBlur",
    "BoxMask",
    "Brightness",
    "BrightnessNormalization",
    "CLAHE",
    "CombinedMask",
    "ConditionalPixelTransform",
    "Contrast",
    "ContrastStretching",
    "Crop",
    "EllipseMask",
    "Equalize",
    "FeatureMask",
    "Fill",
    "Flip",
    "Gamma",
    "GaussianBlur",
    "Grayscale",
    "Hue",
    "Invert",
    "Masked",
    "MedianBlur",
    "Pad",
    "Pixelate",
    "PolygonMask",
    "Posterize",
    "Rotate90",
    "Saturation",
    "Sharpen",
    "Solarize",
    "ThresholdMask",
]
