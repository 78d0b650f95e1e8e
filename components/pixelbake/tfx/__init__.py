"""TFX components: a thin shell around the job."""

from pixelbake.tfx.artifacts import Quarantine
from pixelbake.tfx.pixel_transform.component import PixelTransform

__all__ = ["PixelTransform", "Quarantine"]
