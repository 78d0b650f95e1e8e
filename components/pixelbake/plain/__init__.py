"""What a job's YAML file says, as far as it can be checked without Keras, TensorFlow and Beam."""

from pixelbake.plain.job import PlainJob, check_job
from pixelbake.plain.recipe import PlainLayer, PlainRecipe

__all__ = ["PlainJob", "PlainLayer", "PlainRecipe", "check_job"]
