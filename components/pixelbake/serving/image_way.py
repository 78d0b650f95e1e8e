"""How one image of a request becomes what the model sees."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pixelbake import images
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import load_transform, read_image_graph

__all__ = ["ImageWay"]


class ImageWay(tf.Module):
    """One image's way through a transform graph, in a serving export.

    Where the image graph lies beside the transform graph, pixels are taken before they are encoded:
    they are those that would be decoded again. For a transform graph that stock Transform wrote,
    and for lossy JPEG output, an image is encoded and decoded as the training data was.

    Args:
        transform_graph: Folder of the transform graph.
        recipe: The recipe it was made from.
    """

    def __init__(self, transform_graph: str, recipe: Recipe) -> None:
        super().__init__()
        self._recipe = recipe
        self.image_graph = read_image_graph(transform_graph)
        if self.image_graph is None:
            # The loaded SavedModel owns the function's resources: it has to stay alive.
            self.transform_graph, self._transform = load_transform(transform_graph)

    @property
    def pixels_spec(self) -> Any:
        """What `pixels` returns."""
        dtype = tf.float32 if self._recipe.output.encoding == "float" else tf.uint8
        return tf.TensorSpec(self._recipe.output_shape, dtype)

    @property
    def stored_spec(self) -> Any:
        """What `stored` returns."""
        is_float = self._recipe.output.encoding == "float"
        return self.pixels_spec if is_float else tf.TensorSpec((), tf.string)

    def pixels(self, *encoded: Any) -> Any:
        """Returns what the model sees of one image (and mask), given as string scalars."""
        output = self._recipe.output
        if output.encoding == "float" or (self.image_graph is not None and output.lossless):
            return self._transformed(*encoded)
        return images.decode_stored(self.stored(*encoded), output, self._recipe.output_shape)

    def stored(self, *encoded: Any) -> Any:
        """Returns one image as the training data holds it."""
        transformed = self._transformed(*encoded)
        if self.image_graph is None or self._recipe.output.encoding == "float":
            return transformed
        return images.encode(transformed, self._recipe.output)

    def _transformed(self, *encoded: Any) -> Any:
        """Returns pixels by the image graph, or what the transform graph stores."""
        if self.image_graph is not None:
            return self.image_graph.pixels(*encoded)
        batch = [one[tf.newaxis] for one in encoded]
        features = dict(zip(self._recipe.image_features, batch, strict=True))
        return self._transform(features)[self._recipe.image][0]
