"""Which layer classes may be baked, and what is known of each by its class."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras

import pixelbake.layers
from pixelbake.mistakes import did_you_mean

__all__ = [
    "KERAS_LAYERS",
    "allowed_layers",
    "check_deterministic",
    "class_of",
    "fitted_arguments",
    "moves_pixels",
    "parameters_of",
]

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
    allowed = allowed_layers()
    raise ValueError(
        f"layer {name!r} is not registered and not one of the layers that can be baked. Received: "
        f"layer={name!r}.{did_you_mean(name, allowed) if bare == name else ''} Take one of "
        f"{', '.join(allowed)}, or decorate your class with "
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


def fitted_arguments(name: str) -> tuple[str, ...]:
    """Returns the arguments of a layer that are None until they are fitted on data."""
    cls = class_of(name)
    if cls is keras.layers.Normalization:
        return ("mean", "variance")
    arguments: tuple[str, ...] = getattr(cls, "fitted_arguments", ())
    return arguments


def parameters_of(cls: type[keras.Layer]) -> list[str]:
    """Returns what a layer's constructor takes, its bases' arguments behind `**kwargs` included."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if base is keras.Layer:
            break
        if "__init__" in vars(base):
            names.update(dict.fromkeys(inspect.signature(vars(base)["__init__"]).parameters))
    return list(names)
