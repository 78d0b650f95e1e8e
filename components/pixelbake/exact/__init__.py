"""Numerics "exact": pixels as whole numbers in float32, the same on every machine.

Read `grid.py` first, then `forms.py` for which layer has an exact form.
"""

from pixelbake.exact.exact_layers import ExactLayers, not_exact

__all__ = ["ExactLayers", "not_exact"]
