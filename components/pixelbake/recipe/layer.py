"""One Keras layer of a recipe, as data: class, config, frozen weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import keras
from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from pixelbake.layers.gaussian_blur import MAX_DEPTHWISE_WIDTH
from pixelbake.mistakes import did_you_mean, mistakes_in, short
from pixelbake.plain.parts import LocatedError
from pixelbake.plain.recipe import PlainLayer, no_layer
from pixelbake.recipe.layer_classes import (
    check_deterministic,
    class_of,
    fitted_arguments,
    moves_pixels,
    parameters_of,
)
from pixelbake.recipe.nested_layers import (
    argument_of,
    chains_of,
    nested_arguments,
    own_weights,
    places,
)
from pixelbake.recipe.weight import Weight

__all__ = ["LayerSpec"]

_DEPTHWISE = (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)

_INSTANCE_KEYS = ("name", "trainable", "dtype")


class LayerSpec(PlainLayer):
    """One Keras layer of a recipe, as data.

    Attributes:
        layer: Name of a pixelbake layer (`"Brightness"`), of one of Keras' deterministic image
            layers (`"Rescaling"`), or of a class registered by
            `keras.saving.register_keras_serializable` (`"package>Class"`).
        config: Its constructor's arguments. Stored in full, as `get_config` gives them, so that
            two recipes that do the same are equal.
        weights: Its frozen weights in the order of `keras.Layer.weights`, or None for a layer
            without weights.

    A layer that holds others, such as `Masked`, holds `LayerSpec`s in its config, each with
    weights of its own.
    """

    weights: tuple[Weight, ...] | None = Field(default=None, strict=False)

    _nested: dict[str, list[list[LayerSpec]]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_layer(cls, value: Any) -> Any:
        if isinstance(value, keras.Layer):
            return cls._fields_of(value)
        return value

    @field_validator("layer")
    @classmethod
    def _name_is_short(cls, name: str) -> str:
        found = class_of(name)
        return found.__name__ if found.__module__.startswith("pixelbake.layers") else name

    @model_validator(mode="after")
    def _config_is_whole(self) -> LayerSpec:
        for name, depth in nested_arguments(class_of(self.layer)).items():
            chains = chains_of(self.config.get(name), depth)
            specs = iter([_nested_spec(at, value) for at, _, value in places(name, chains, depth)])
            self._nested[name] = [[next(specs) for _ in chain] for chain in chains]
        built = self.build()
        check_deterministic(self.layer, built)
        if isinstance(built, _DEPTHWISE) and built.kernel_size[1] > MAX_DEPTHWISE_WIDTH:
            raise ValueError(
                f"layer {self.layer!r} can't be trusted with kernels more than "
                f"{MAX_DEPTHWISE_WIDTH} pixels wide: TensorFlow's kernel gives wrong pixels on "
                f"some processors. Received: kernel_size={tuple(built.kernel_size)}."
            )
        whole = {k: v for k, v in built.get_config().items() if k not in _INSTANCE_KEYS}
        for name, depth in nested_arguments(type(built)).items():
            plain_chains = [[_plain(spec) for spec in chain] for chain in self._nested[name]]
            whole[name] = argument_of(plain_chains, depth)
        try:
            plain = json.loads(json.dumps(whole, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"the config of layer {self.layer!r} must be plain JSON values. Received: "
                f"{whole!r} ({error})."
            ) from error
        object.__setattr__(self, "config", plain)
        return self

    @staticmethod
    def _fields_of(layer: keras.Layer) -> dict[str, Any]:
        cls = type(layer)
        if cls.__module__.startswith(("keras.", "pixelbake.layers")):
            name = cls.__name__
        else:
            name = keras.saving.get_registered_name(cls)
            if ">" not in name:  # so it isn't registered, though it may bear a known layer's name
                name = f"{cls.__module__}>{name}"
        fields: dict[str, Any] = {"layer": name}
        class_of(name)  # an unregistered class must be refused for that, not for its config
        fields["config"] = {k: v for k, v in layer.get_config().items() if k not in _INSTANCE_KEYS}
        for argument in nested_arguments(cls):
            fields["config"][argument] = getattr(layer, argument)
        if own := own_weights(layer):
            fields["weights"] = tuple(
                Weight.from_array(keras.ops.convert_to_numpy(weight)) for weight in own
            )
        return fields

    @property
    def takes_mask(self) -> bool:
        """Whether the layer is called on `[image, mask]`."""
        cls = class_of(self.layer)
        if nested_arguments(cls):
            return any(spec.takes_mask for _, spec in self.nested())
        return bool(getattr(cls, "takes_mask", False))

    @property
    def needs_mask(self) -> bool:
        """Whether the layer, or one in it, is no use without the recipe's mask."""
        inner = any(spec.needs_mask for _, spec in self.nested())
        return inner or bool(getattr(class_of(self.layer), "needs_mask", False))

    @property
    def weights_hash(self) -> str | None:
        """SHA-256 of the frozen weights as float32, or None for a layer without weights."""
        if not self.weights:
            return None
        digest = hashlib.sha256()
        for weight in self.weights:
            digest.update(f"{list(weight.shape)}".encode())
            digest.update(weight.to_array().tobytes())
        return digest.hexdigest()

    def nested(self) -> Iterator[tuple[tuple[str | int, ...], LayerSpec]]:
        """Yields the layers that this one holds, with the keys that lead from it to them."""
        for name, depth in nested_arguments(class_of(self.layer)).items():
            for at, _, spec in places(name, self._nested[name], depth):
                yield at, spec

    def chains(self, argument: str) -> list[list[LayerSpec]]:
        """Returns the chains of layers that one of its arguments holds."""
        return self._nested[argument]

    def given_ranges(
        self, given: tuple[float, float]
    ) -> Iterator[tuple[tuple[str | int, ...], LayerSpec, tuple[float, float]]]:
        """Yields this layer and those in it, each with the range of the pixels that it is given.

        In a mask's chain, all layers but the first are given the mask, in [0, 1].
        """
        yield (), self, given
        cls = class_of(self.layer)
        for name, depth in nested_arguments(cls).items():
            for at, place, spec in places(name, self._nested[name], depth):
                on_mask = place > 0 and name in getattr(cls, "mask_arguments", ())
                for inner, one, its in spec.given_ranges((0.0, 1.0) if on_mask else given):
                    yield (*at, *inner), one, its

    @property
    def is_fitted(self) -> bool:
        """Whether nothing of the layer has still to be found out from the data."""
        open_arguments = [a for a in fitted_arguments(self.layer) if self.config.get(a) is None]
        return not open_arguments or self.weights is not None

    @property
    def moves_pixels(self) -> bool:
        """Whether the layer moves pixels to other places, and a mask has to be moved with them."""
        return moves_pixels(class_of(self.layer))

    def for_mask(self) -> LayerSpec:
        """Returns the layer that moves a mask as this one moves the image.

        It takes the nearest pixel where this one interpolates: a mask keeps its values.
        """
        if self.config.get("interpolation", "nearest") == "nearest":
            return self
        config = {**self.config, "interpolation": "nearest"}
        if "antialias" in config:
            config["antialias"] = False
        return LayerSpec(layer=self.layer, config=config)

    def build(self, name: str | None = None, dtype: str = "float32") -> keras.Layer:
        """Makes the layer, in one dtype and channels-last, whatever Keras' global settings are.

        Args:
            name: The layer's name in its model.
            dtype: `"float32"` or `"float64"`, for the layers in it too.

        Raises:
            ValueError: The class does not take this config; says what was received.
        """
        cls = class_of(self.layer)
        config = dict(self.config)
        for key in _INSTANCE_KEYS:
            if key in config:
                raise ValueError(
                    f"config of layer {self.layer!r} must not set {key!r}: a recipe runs in "
                    f"float32 under its own names. Received: {key}={config[key]!r}. Remove it."
                )
        parameters = parameters_of(cls)
        if "data_format" in parameters:
            if config.setdefault("data_format", "channels_last") not in ("channels_last", None):
                raise ValueError(
                    f"layer {self.layer!r} must be channels_last, as decoded images are. "
                    f"Received: data_format={config['data_format']!r}."
                )
            config["data_format"] = "channels_last"
        for argument, depth in nested_arguments(cls).items():
            config[argument] = argument_of(
                [
                    [spec.build(f"{argument}_{i}_{j}", dtype) for j, spec in enumerate(chain)]
                    for i, chain in enumerate(self._nested[argument])
                ],
                depth,
            )
        try:
            return cls(**config, name=name, dtype=dtype)
        except (TypeError, ValueError) as error:
            takes = [p for p in parameters if p not in ("self", "args", "kwargs", *_INSTANCE_KEYS)]
            unknown = next((key for key in self.config if key not in takes), None)
            # Where a class takes more by `**kwargs`, its own error may be about something else.
            if unknown and (isinstance(error, TypeError) or "Unrecognized keyword" in str(error)):
                raise LocatedError(
                    f"layer {self.layer!r} has no argument {unknown!r}. Received: "
                    f"{unknown}={short(self.config[unknown])}.{did_you_mean(unknown, takes)} It "
                    f"takes: {', '.join(takes)}.",
                    *("config", unknown),
                ) from error
            reason = str(error)
            if "Received" not in reason:
                reason = (
                    f"{reason.rstrip('.')}. Received: config={self.config!r}. It takes: "
                    f"{', '.join(takes)}."
                )
            raise ValueError(f"layer {self.layer!r} does not take this config: {reason}") from error


def _nested_spec(at: tuple[str | int, ...], value: Any) -> LayerSpec:
    """Reads a layer that stands in another one's config; mistakes say where they are."""
    if not isinstance(value, Mapping | LayerSpec | keras.Layer):
        raise no_layer(value, *at)
    try:
        spec = LayerSpec.model_validate(value)
    except ValidationError as error:
        mistake = mistakes_in(error, LayerSpec)[0]
        raise LocatedError(mistake.message, *at, *mistake.at) from error
    if not spec.is_fitted:
        raise LocatedError(
            f"layer {spec.layer!r} is fitted on data and can't stand inside another layer unless "
            f"its arguments are given. Received: config={spec.config!r}.",
            *at,
        )
    return spec


def _plain(spec: LayerSpec) -> dict[str, Any]:
    """Returns a nested layer as it stands in a config: without what it has none of."""
    return {"layer": spec.layer, "config": spec.config} | (
        {"weights": [weight.model_dump(mode="json") for weight in spec.weights]}
        if spec.weights
        else {}
    )
