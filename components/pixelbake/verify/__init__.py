"""Holds an exported model against what a run materialised, and against itself elsewhere."""

from pixelbake.verify.golden import verify_golden
from pixelbake.verify.serving_model import verify_serving_model
from pixelbake.verify.verification import GoldenCheck, Verification

__all__ = ["GoldenCheck", "Verification", "verify_golden", "verify_serving_model"]
