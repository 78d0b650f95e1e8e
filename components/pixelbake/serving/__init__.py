"""A model with the transform graph inside its signatures."""

from pixelbake.serving.export import export_serving_model

__all__ = ["export_serving_model"]
