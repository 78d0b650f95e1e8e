"""NestingLayer: what layers that hold other layers have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from pixelbake.layers.arguments import batch_axis_hint

__all__ = ["NestingLayer", "check_mask_shape", "layer_chain", "shape_through", "through"]


class NestingLayer(keras.Layer):
    """Base of the layers that hold chains of other layers, each applied to what the last one gave.

    A layer over `[image, mask]` may stand anywhere in a chain; the nesting layer then takes
    `[image, mask]` too.
    """

    #: Arguments, and attributes, that hold layers: 1 for one chain of them, 2 for a list of chains.
    nested_layers: dict[str, int] = {}  # noqa: RUF012 - never changed

    #: Those whose first layer is given the image, and the others a mask in [0, 1].
    mask_arguments: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    @property
    def takes_mask(self) -> bool:
        """Whether the layer is called on `[image, mask]`."""
        return any(_takes_mask(layer) for chain in self.chains() for layer in chain)

    def chains(self) -> list[list[keras.Layer]]:
        """Returns all chains of layers."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Builds the nested layers."""
        image, mask = self.image_and_mask(input_shape)
        for chain in self.chains():
            shape = tuple(image)
            for layer in chain:
                given = [shape, mask] if _takes_mask(layer) else shape
                if not layer.built:
                    layer.build(given)
                shape = tuple(layer.compute_output_shape(given))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, layers as Keras serialises them."""
        nested = {name: _serialized(getattr(self, name)) for name in self.nested_layers}
        return {**super().get_config(), **nested}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NestingLayer:
        """Makes the layer that `get_config` described."""
        nested = {name: _deserialized(config.get(name)) for name in cls.nested_layers}
        return cls(**{**config, **nested})

    def image_and_mask(self, inputs: Any) -> tuple[Any, Any]:
        """Splits the inputs, tensors or shapes, into image and mask (None where there is none)."""
        name = type(self).__name__
        two = isinstance(inputs, list | tuple) and len(inputs) == 2
        if self.takes_mask != two:
            needed = (
                "[image, mask]" if self.takes_mask else "images, and no layer in it uses a mask"
            )
            raise ValueError(
                f"{name} takes {needed}. Received: {len(inputs) if two else 1} input(s)."
            )
        image, mask = inputs if two else (inputs, None)
        shape = getattr(image, "shape", image)
        if len(shape) != 4:
            raise ValueError(
                f"{name} takes images of shape [batch, height, width, channels]. Received: shape "
                f"{tuple(shape)}.{batch_axis_hint(shape)}"
            )
        return image, mask


def layer_chain(name: str, value: Any) -> list[keras.Layer]:
    """Returns one layer or a list of them as a list, or raises ValueError."""
    layers = list(value) if isinstance(value, list | tuple) else [value]
    if not layers or not all(isinstance(layer, keras.Layer) for layer in layers):
        raise ValueError(
            f"{name} must be a layer, or a list of layers, each applied to what the one before it "
            f"gave. Received: {name}={value!r}."
        )
    return layers


def through(chain: Iterable[keras.Layer], images: Any, mask: Any) -> Any:
    """Applies the layers of a chain one after the other."""
    for layer in chain:
        images = layer([images, mask] if _takes_mask(layer) else images)
    return images


def shape_through(chain: Iterable[keras.Layer], image: Any, mask: Any) -> tuple[int | None, ...]:
    """Returns the shape that a chain gives."""
    for layer in chain:
        image = tuple(layer.compute_output_shape([image, mask] if _takes_mask(layer) else image))
    return tuple(image)


def check_mask_shape(name: str, shape: tuple[int | None, ...], image: Any) -> None:
    """Refuses what is no mask of an image."""
    if len(shape) != 4 or shape[3] != 1 or tuple(shape[1:3]) != tuple(image[1:3]):
        raise ValueError(
            f"the layers of {name} must give a mask of one channel and of the image's height and "
            f"width. Received: shape {tuple(shape)} for an image of shape {tuple(image)}."
        )


def _takes_mask(layer: keras.Layer) -> bool:
    return bool(getattr(layer, "takes_mask", False))


def _serialized(value: Any) -> Any:
    if isinstance(value, list | tuple):
        parts = [_serialized(part) for part in value]
        return parts[0] if len(parts) == 1 and not isinstance(parts[0], list) else parts
    return None if value is None else keras.saving.serialize_keras_object(value)


def _deserialized(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_deserialized(part) for part in value]
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
