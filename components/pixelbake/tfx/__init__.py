"""TFX components: a thin shell around the job."""

from pixelbake.tfx.artifacts import Quarantine
from pixelbake.tfx.pixel_transform.component import PixelTransform
from pixelbake.tfx.serving_check.component import ServingCheck
from pixelbake.tfx.visualization import register_visualization

__all__ = ["PixelTransform", "Quarantine", "ServingCheck"]

register_visualization()
