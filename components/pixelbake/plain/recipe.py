"""A recipe's keys and plain values; what Keras makes of its layers is `pixelbake.recipe`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pixelbake.mistakes import short
from pixelbake.plain.parts import Decode, Feature, GivenPart, LocatedError, Output, Resize

__all__ = ["PlainLayer", "PlainRecipe", "no_layer"]


class PlainLayer(GivenPart):
    """What `LayerSpec` says of a layer, before there is any."""

    layer: str
    config: dict[str, Any] = Field(default_factory=dict)
    weights: Any = None

    @model_validator(mode="before")
    @classmethod
    def _has_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping | PlainLayer):
            raise no_layer(value)
        return value


class PlainRecipe(GivenPart):
    """What `Recipe` says; its attributes are described there."""

    image: str = Field(default="image", min_length=1)
    mask: str | None = Field(default=None, min_length=1)
    decode: Decode = Decode()
    resize: Resize | None = None
    layers: tuple[PlainLayer, ...] = Field(default=(), strict=False)
    value_range: tuple[float, float] = Field(default=(0.0, 1.0), strict=False)
    numerics: Literal["float32", "float64", "exact"] = "float32"
    output: Output = Output()
    passthrough: dict[str, Feature] = Field(default_factory=dict)

    @field_validator("value_range")
    @classmethod
    def _known_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value not in ((0.0, 1.0), (0.0, 255.0)):
            raise ValueError(
                f"value_range must be (0, 1) or (0, 255). Received: value_range={value}."
            )
        return value

    @field_validator("passthrough", mode="before")
    @classmethod
    def _short_features(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {k: {"dtype": v} if isinstance(v, str) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _names_differ(self) -> PlainRecipe:
        for name in self.image_features:
            if name in self.passthrough or self.image_features.count(name) > 1:
                raise LocatedError(
                    f"feature {name!r} is named twice; image, mask and the passthrough features "
                    f"must differ. Received: image={self.image!r}, mask={self.mask!r}, "
                    f"passthrough={sorted(self.passthrough)}.",
                    *(("passthrough", name) if name in self.passthrough else ("mask",)),
                )
        return self

    @property
    def image_features(self) -> tuple[str, ...]:
        """Names of the features with encoded images: the image, and the mask if there is one."""
        return (self.image,) if self.mask is None else (self.image, self.mask)


def no_layer(value: Any, *at: str | int) -> LocatedError:
    """Returns the error of something else in a layer's place."""
    is_class = isinstance(value, type) and any(c.__name__ == "Layer" for c in value.__mro__)
    return LocatedError(
        f"expected a layer: {{layer: name, config: ...}} or, in Python, a Keras 3 layer. Received: "
        f"{short(value)}." + (f" Call it: {value.__name__}(...)." if is_class else ""),
        *at,
    )
