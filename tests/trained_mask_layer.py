"""A ConditionalPixelTransform with weights that are the same every time."""

import numpy as np

from pixelbake.layers import ConditionalPixelTransform


def trained_mask_layer() -> ConditionalPixelTransform:
    layer = ConditionalPixelTransform()
    layer.build([(None, None, None, 3), (None, None, None, 1)])
    kernel = np.random.default_rng(0).normal(0, 2, layer.kernel.shape)
    layer.set_weights([kernel, np.array([-1.0])])
    return layer
