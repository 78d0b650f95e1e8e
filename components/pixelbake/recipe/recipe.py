"""The recipe: what is done to the pixels, as one frozen value."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import keras
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from pixelbake.errors import RecipeError
from pixelbake.mistakes import one_line_each
from pixelbake.plain.parts import LocatedError
from pixelbake.plain.recipe import PlainRecipe
from pixelbake.recipe.layer import LayerSpec
from pixelbake.recipe.layer_classes import check_deterministic
from pixelbake.recipe.trained_weights import set_weights

__all__ = ["Recipe"]

_CHANNELS = {"png": (1, 3, 4), "raw": (), "float": (), "jpeg": (1, 3)}


class Recipe(PlainRecipe):
    """A frozen, ordered description of what is done to the pixels of one image.

    decode → resize → scale to `value_range` → layers → quantise to uint8 → encode.

    ```python
    recipe = Recipe(
        resize=Resize(height=224, width=224),
        layers=[Brightness(1.2), GaussianBlur(kernel_size=5, sigma=2.0)],
        passthrough={"label": "int64"},
    )
    ```

    A recipe is data: `layers` takes Keras layers or `LayerSpec`s and keeps `LayerSpec`s, weights
    included. It can be compared, hashed, and written as JSON (`to_json`, `from_json`).

    Attributes:
        image: Name of the feature with the encoded image (one JPEG or PNG per Example). The
            transformed image has the same name. Default `"image"`.
        mask: Name of a second image feature, decoded as one channel in [0, 1] and resized by
            `"nearest"`, for layers that take `[image, mask]`. Layers that move pixels (crops,
            flips, borders) move it with the image. Default None: such layers get the image
            itself as mask.
        decode: How bytes become pixels.
        resize: The size of all images, or None (default) to keep each image's own.
        layers: The Keras layers, in order. May be empty.
        value_range: The range in which the layers see pixels, `(0, 1)` (default) or `(0, 255)`.
            A layer that has a `value_range` of its own must have the same.
        numerics: In what the layers compute. `"float32"` (default): the same pixels wherever the
            processor and the TensorFlow version are the same; elsewhere a few in a million are one
            step off. `"float64"`: the same uint8 pixels across processors and versions too, which
            takes longer. `"exact"`: the same, in whole numbers that no machine can round otherwise,
            a step from float64 at times; what has no exact form goes on in float64, with a
            warning (docs/consistency.md).
        output: How transformed pixels are stored.
        passthrough: Features that are written unchanged beside the image, by name. A plain
            `"int64"`, `"float32"` or `"bytes"` stands for exactly one value of that type.

    Raises:
        RecipeError: Something is not as it must be: one line per mistake with the attribute, what
            was received, and what would be right. It is a ValueError.
    """

    layers: tuple[LayerSpec, ...] = Field(default=(), strict=False)

    _output_shape: tuple[int | None, ...] = PrivateAttr()

    @model_validator(mode="after")
    def _layers_fit(self) -> Recipe:
        for i, outer in enumerate(self.layers):
            for at, spec, given in outer.given_ranges(self.value_range):
                own = spec.config.get("value_range")
                if own is not None and tuple(map(float, own)) != given:
                    other_way = "" if at else f", or the recipe's to {list(own)}"
                    raise LocatedError(
                        f"layer {spec.layer!r} expects pixels in {tuple(own)}, and is given them "
                        f"in {given}. Received: value_range={own}. Set the layer's value_range to "
                        f"{list(given)}{other_way}.",
                        *("layers", i, *at, "config", "value_range"),
                    )
            if self.mask is None and outer.needs_mask:
                raise LocatedError(
                    f"layers[{i}] ({outer.layer}) uses the mask that comes with the image, and the "
                    "recipe names none. Received: mask=None. Set mask to the name of the feature.",
                    *("layers", i),
                )
        if self.mask is not None and not any(spec.takes_mask for spec in self.layers):
            raise LocatedError(
                f"no layer uses the mask. Received: mask={self.mask!r}. Remove it, or add a layer "
                "over [image, mask] such as FeatureMask or ConditionalPixelTransform.",
                "mask",
            )
        self._output_shape = self._model().output_shape
        self._check_output(self._output_shape)
        return self

    def _check_output(self, shape: tuple[int | None, ...]) -> None:
        if len(shape) != 4:
            raise LocatedError(
                f"the last layer must give [batch, height, width, channels]. Received: shape "
                f"{shape}.",
                *("layers", len(self.layers) - 1),
            )
        allowed = _CHANNELS[self.output.encoding]
        if allowed and shape[3] not in allowed:
            raise LocatedError(
                f"output encoding {self.output.encoding!r} holds {allowed} channels. Received: "
                f"{shape[3]} channels after the last layer. Use 'raw' or 'float', or end with a "
                "layer that gives as many.",
                *("output", "encoding"),
            )
        if self.output.encoding == "float" and None in shape[1:3]:
            raise LocatedError(
                "output encoding 'float' needs images of one size. Received: resize=None. Set "
                "resize, or use 'png' or 'raw'.",
                *("output", "encoding"),
            )

    @property
    def unfitted(self) -> tuple[int, ...]:
        """Numbers of the layers that have to be fitted on data before the recipe can be used."""
        return tuple(i for i, spec in enumerate(self.layers) if not spec.is_fitted)

    @property
    def input_size(self) -> tuple[int | None, int | None]:
        """Height and width of the images that the first layer sees; None where they vary."""
        return (self.resize.height, self.resize.width) if self.resize else (None, None)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape `[H, W, C]` of a transformed image; None where it varies."""
        return self._output_shape[1:]

    @property
    def weights_hashes(self) -> dict[str, str]:
        """SHA-256 of the frozen weights of each layer that has some, by its place in the recipe.

        `hash` covers the weights too; this says which layer's they are.
        """
        found: dict[str, str] = {}
        pending = [(f"layers[{i}]", spec) for i, spec in enumerate(self.layers)]
        for place, spec in pending:
            if spec.weights_hash is not None:
                found[place] = spec.weights_hash
            pending += [(".".join([place, *map(str, at)]), inner) for at, inner in spec.nested()]
        return found

    def build_model(self) -> keras.Model:
        """Makes the Keras model of the layers alone, with their frozen weights.

        Returns:
            A model from `[B, H, W, channels]` pixels in `value_range` (and, where `mask` is set,
            `[B, H, W, 1]` in [0, 1]) to pixels in `value_range`, all of dtype `numerics`; in
            float64 for "exact", whose whole numbers only the image graph has.

        Raises:
            ValueError: A layer does not take what the one before it gives, or its weights are
                missing or of the wrong shapes.
            RecipeError: A layer is not fitted.
        """
        if self.unfitted:
            i = self.unfitted[0]
            raise RecipeError(
                f"layers[{i}] ({self.layers[i].layer}) is not fitted on data yet. Run the recipe "
                "in a job, which fits it first, or fit it by pixelbake.fit_recipe."
            )
        return self._model()

    def _model(self) -> keras.Model:
        """Makes the model; layers that are not fitted yet leave the pixels as they are."""
        height, width = self.input_size
        dtype = "float32" if self.numerics == "float32" else "float64"
        image = keras.Input((height, width, self.decode.channels), name="image", dtype=dtype)
        mask = keras.Input((height, width, 1), name="mask", dtype=dtype) if self.mask else None
        x, given_mask = image, mask
        for i, spec in enumerate(self.layers):
            layer = spec.build(f"layer_{i}", dtype)  # the same graph each time it is built
            if not spec.is_fitted:
                check_can_be_fitted(i, layer)
                continue
            try:
                y = layer([x, x if mask is None else mask] if spec.takes_mask else x)
            except Exception as error:
                reason = _reason(error)
                if "Received" not in reason:
                    reason = f"{reason.rstrip('.')}. Received: shape {tuple(x.shape)}."
                raise LocatedError(
                    f"layers[{i}] ({spec.layer}) does not take what it is given: {reason}",
                    *("layers", i),
                ) from error
            check_deterministic(spec.layer, layer)
            set_weights(spec, layer, f"layers[{i}]", ("layers", i))
            x = y
            if mask is not None and spec.moves_pixels:
                mask = spec.for_mask().build(f"layer_{i}_mask", dtype)(mask)
        if x is image:
            x = keras.layers.Identity(dtype=dtype, name="identity")(image)
        inputs = image if mask is None else [image, given_mask]
        return keras.Model(inputs, x, name="pixels", trainable=False)

    def preview(self, images: Any, masks: Any = None) -> Any:
        """Shows images as read, after each layer, and as stored; see `pixelbake.preview`.

        Args:
            images: One image or a sequence: a path, encoded bytes, or uint8 `[H, W]`, `[H, W, C]`.
            masks: As many masks, where the recipe has one.

        Returns:
            A `PIL.Image.Image` with a row per image, which notebooks display.
        """
        from pixelbake.preview import preview

        return preview(self, images, masks)

    def to_json(self) -> str:
        """Returns the recipe as one line of JSON with sorted keys; `from_json` reads it."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Reads what `to_json` wrote.

        Raises:
            RecipeError: The text is no recipe; names what is wrong.
        """
        try:
            return cls.model_validate(json.loads(text))
        except json.JSONDecodeError as error:
            raise RecipeError(f"not JSON: {error}") from error
        except ValidationError as error:
            raise RecipeError(one_line_each(error, cls)) from error

    @property
    def hash(self) -> str:
        """SHA-256 of `to_json` with 1.0 written as 1: 64 hex digits, the same for equal recipes."""
        plain = _one_way_of_writing(self.model_dump(mode="json"))
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.hash)


def check_can_be_fitted(i: int, layer: keras.Layer) -> None:
    """Refuses a layer to be fitted that needs other statistics than one number a channel."""
    if isinstance(layer, keras.layers.Normalization) and tuple(layer.axis) not in ((-1,), (3,)):
        raise LocatedError(
            f"layers[{i}] (Normalization) is fitted by channel only. Received: axis="
            f"{layer.axis!r}. Set axis to -1, or give mean and variance.",
            *("layers", i, "config", "axis"),
        )


def _reason(error: BaseException) -> str:
    """Returns what a layer said, without the page that Keras wraps around it."""
    while str(error).startswith("Exception encountered when calling") and error.__context__:
        error = error.__context__
    return str(error)


def _one_way_of_writing(value: Any) -> Any:
    """Turns floats that are whole into integers, since 1 == 1.0 makes recipes equal."""
    if isinstance(value, dict):
        return {key: _one_way_of_writing(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_one_way_of_writing(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
