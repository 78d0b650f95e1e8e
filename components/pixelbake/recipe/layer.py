"""One Keras layer of a recipe, as data: class, config, frozen weights."""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Iterator
from typing import Annotated, Any

import keras
import numpy as np
from pydantic import Field, field_validator, model_validator

import pixelbake.layers
from pixelbake.layers.gaussian_blur import MAX_DEPTHWISE_WIDTH
from pixelbake.recipe.parts import Part

__all__ = ["LayerSpec", "Weight", "check_deterministic", "class_of", "moves_pixels"]

#: Keras' own layers that may be baked: deterministic, the same in training and inference, and
#: image in, image out. Equalization and Solarization are absent because they silently do nothing
#: at inference; everything random or stateful is absent because it can't be the same twice.
KERAS_LAYERS = frozenset(
    {
        "Activation",
        "AutoContrast",
        "AveragePooling2D",
        "CenterCrop",
        "Conv2D",
        "Cropping2D",
        "DepthwiseConv2D",
        "LeakyReLU",
        "MaxPooling2D",
        "Normalization",
        "ReLU",
        "Rescaling",
        "Resizing",
        "SeparableConv2D",
        "UpSampling2D",
        "ZeroPadding2D",
    }
)

_REFUSED = {
    "Lambda": "holds Python code, which can't be reloaded safely",
    "TFSMLayer": "loads another SavedModel, which can't be vetted",
    "TorchModuleWrapper": "holds pickled code, which can't be reloaded safely",
    "Equalization": "silently does nothing at inference",
    "Solarization": "silently does nothing at inference",
    "Dropout": "is random in training and does nothing at inference",
    "SpatialDropout2D": "is random in training and does nothing at inference",
    "GaussianNoise": "is random in training and does nothing at inference",
    "GaussianDropout": "is random in training and does nothing at inference",
    "BatchNormalization": "differs between training and inference",
    "RandAugment": "is random",
    "AugMix": "is random",
    "MixUp": "is random",
    "CutMix": "is random",
}

#: Keras' own layers that move pixels to other places, as pixelbake's say of themselves.
_MOVING = frozenset({"CenterCrop", "Cropping2D", "Resizing", "UpSampling2D", "ZeroPadding2D"})

_DEPTHWISE = (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)

_INSTANCE_KEYS = ("name", "trainable", "dtype")


def allowed_layers() -> list[str]:
    """Names that `LayerSpec.layer` takes without a package: pixelbake's own and Keras'."""
    return sorted({*pixelbake.layers.__all__, *(n for n in KERAS_LAYERS if _keras_class(n))})


def _keras_class(name: str) -> type[keras.Layer] | None:
    return getattr(keras.layers, name, None)


def class_of(name: str) -> type[keras.Layer]:
    """Returns the class that `name` stands for, or says why there is none."""
    bare = name.rsplit(">", 1)[-1]
    if bare in pixelbake.layers.__all__ and name in (bare, f"pixelbake>{bare}"):
        own: type[keras.Layer] = getattr(pixelbake.layers, bare)
        return own
    if bare in _REFUSED or (bare.startswith("Random") and _keras_class(bare)):
        why = _REFUSED.get(bare, "is random")
        raise ValueError(
            f"layer {name!r} {why}; a recipe must give the same pixels in training and serving. "
            f"Received: layer={name!r}. Take one of {', '.join(allowed_layers())}."
        )
    if name in KERAS_LAYERS:
        found = _keras_class(name)
        if found is None:
            raise ValueError(
                f"layer {name!r} does not exist in Keras {keras.__version__}. Received: "
                f"layer={name!r}. Take one of {', '.join(allowed_layers())}."
            )
        return found
    registered = keras.saving.get_registered_object(name)
    if inspect.isclass(registered) and issubclass(registered, keras.Layer):
        return registered
    raise ValueError(
        f"layer {name!r} is not registered and not one of the layers that can be baked. Received: "
        f"layer={name!r}. Take one of {', '.join(allowed_layers())}, or decorate your class with "
        "@keras.saving.register_keras_serializable(package=...) and name it 'package>Class'."
    )


def moves_pixels(cls: type[keras.Layer]) -> bool:
    """Whether a layer of this class moves pixels to other places."""
    if cls.__name__ in _MOVING and cls is _keras_class(cls.__name__):
        return True
    return bool(getattr(cls, "moves_pixels", False))


def check_deterministic(name: str, layer: keras.Layer) -> None:
    """Refuses a layer that holds, however deep, something random or unsafe.

    Args:
        name: The layer's name, for the error.
        layer: The layer; to be checked again when it is built, since parts may be made then.

    Raises:
        ValueError: Names what the layer holds.
    """
    found = sorted(set(_random_parts(layer, set())))
    if found:
        raise ValueError(
            f"layer {name!r} holds {', '.join(found)}; a recipe must give the same pixels in "
            f"training and serving. Received: layer={name!r}."
        )


def _random_parts(value: Any, seen: set[int]) -> Iterator[str]:
    """Yields the class names of seed generators and unsafe layers inside a value."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, keras.random.SeedGenerator):
        yield "SeedGenerator"
    elif isinstance(value, keras.layers.Lambda):
        yield "Lambda"
    if isinstance(value, keras.Layer):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _random_parts(part, seen)


class Weight(Part):
    """One frozen weight of a layer.

    Attributes:
        shape: Its shape.
        data: Its float32 values, little-endian, row-major, in base64.
    """

    shape: tuple[Annotated[int, Field(ge=0)], ...] = Field(strict=False)
    data: str

    @model_validator(mode="after")
    def _size_fits_shape(self) -> Weight:
        size = len(base64.b64decode(self.data, validate=True))
        if size != 4 * int(np.prod(self.shape, dtype=np.int64)):
            raise ValueError(
                f"a weight of shape {self.shape} needs "
                f"{4 * int(np.prod(self.shape, dtype=np.int64))} bytes of float32. Received: "
                f"{size} bytes."
            )
        return self

    @classmethod
    def from_array(cls, array: Any) -> Weight:
        """Freezes an array of any float dtype."""
        values = np.asarray(array, dtype="<f4", order="C")
        return cls(shape=values.shape, data=base64.b64encode(values.tobytes()).decode())

    def to_array(self) -> np.ndarray:
        """Returns the values as float32 of shape `shape`."""
        return np.frombuffer(base64.b64decode(self.data), "<f4").reshape(self.shape)


class LayerSpec(Part):
    """One Keras layer of a recipe, as data.

    Attributes:
        layer: Name of a pixelbake layer (`"Brightness"`), of one of Keras' deterministic image
            layers (`"Rescaling"`), or of a class registered by
            `keras.saving.register_keras_serializable` (`"package>Class"`).
        config: Its constructor's arguments. Stored in full, as `get_config` gives them, so that
            two recipes that do the same are equal.
        weights: Its frozen weights in the order of `keras.Layer.weights`, or None for a layer
            without weights.
    """

    layer: str
    config: dict[str, Any] = Field(default_factory=dict)
    weights: tuple[Weight, ...] | None = Field(default=None, strict=False)

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
        built = self.build()
        check_deterministic(self.layer, built)
        if isinstance(built, _DEPTHWISE) and built.kernel_size[1] > MAX_DEPTHWISE_WIDTH:
            raise ValueError(
                f"layer {self.layer!r} can't be trusted with kernels more than "
                f"{MAX_DEPTHWISE_WIDTH} pixels wide: TensorFlow's kernel gives wrong pixels on "
                f"some processors. Received: kernel_size={tuple(built.kernel_size)}."
            )
        whole = {k: v for k, v in built.get_config().items() if k not in _INSTANCE_KEYS}
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
        if layer.weights:
            fields["weights"] = tuple(
                Weight.from_array(keras.ops.convert_to_numpy(w)) for w in layer.weights
            )
        return fields

    @property
    def takes_mask(self) -> bool:
        """Whether the layer is called on `[image, mask]`."""
        return bool(getattr(class_of(self.layer), "takes_mask", False))

    @property
    def is_fitted(self) -> bool:
        """Whether nothing of the layer has still to be found out from the data."""
        open_arguments = [a for a in _fitted_arguments(self.layer) if self.config.get(a) is None]
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

    def build(self, name: str | None = None) -> keras.Layer:
        """Makes the layer, in float32 and channels-last, whatever Keras' global settings are.

        Args:
            name: The layer's name in its model.

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
        parameters = _parameters(cls)
        if "data_format" in parameters:
            if config.setdefault("data_format", "channels_last") not in ("channels_last", None):
                raise ValueError(
                    f"layer {self.layer!r} must be channels_last, as decoded images are. "
                    f"Received: data_format={config['data_format']!r}."
                )
            config["data_format"] = "channels_last"
        try:
            return cls(**config, name=name, dtype="float32")
        except (TypeError, ValueError) as error:
            takes = [p for p in parameters if p not in ("self", "args", "kwargs", *_INSTANCE_KEYS)]
            raise ValueError(
                f"layer {self.layer!r} does not take this config: {error} Received: "
                f"config={self.config!r}. It takes: {', '.join(takes)}."
            ) from error


def _fitted_arguments(name: str) -> tuple[str, ...]:
    """Returns the arguments of a layer that are None until they are fitted on data."""
    cls = class_of(name)
    if cls is keras.layers.Normalization:
        return ("mean", "variance")
    arguments: tuple[str, ...] = getattr(cls, "fitted_arguments", ())
    return arguments


def _parameters(cls: type[keras.Layer]) -> list[str]:
    """Returns what a layer's constructor takes, its bases' arguments behind `**kwargs` included."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if base is keras.Layer:
            break
        if "__init__" in vars(base):
            names.update(dict.fromkeys(inspect.signature(vars(base)["__init__"]).parameters))
    return list(names)
