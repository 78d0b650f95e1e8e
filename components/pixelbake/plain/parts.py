"""The parts of a recipe that are plain values: decode, resize, output, features."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pixelbake.errors import ConfigError, RecipeError
from pixelbake.mistakes import one_line_each

__all__ = ["Decode", "Feature", "GivenPart", "LocatedError", "Output", "Part", "Resize"]

Encoding = Literal["png", "raw", "float", "jpeg"]
FeatureType = Literal["int64", "float32", "bytes"]


class LocatedError(ValueError):
    """A mistake that only the whole value shows, and where in it to look.

    Attributes:
        at: Keys and indices from the value to the mistake, as in `pydantic`'s `loc`.
    """

    def __init__(self, message: str, *at: str | int) -> None:
        super().__init__(message)
        self.at = at


class Part(BaseModel):
    """A frozen value: unknown keys and values of another type are refused, never coerced."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


class GivenPart(Part):
    """A part that users write: of a mistake they are told what a YAML file's reader tells.

    `model_validate` and a model around this one see pydantic's own error, with its places.
    """

    mistaken: ClassVar[type[RecipeError | ConfigError]] = RecipeError

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise self.mistaken(one_line_each(error, type(self))) from None

    # Without this, pydantic would call `__init__` for a part inside of another too, and take the
    # places of its mistakes for text.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Decode(GivenPart):
    """How encoded bytes become pixels.

    JPEG and PNG are decoded, JPEG by the accurate inverse DCT, so that the pixels equal those of
    Pillow and OpenCV bit for bit. Alpha is dropped, gray is repeated and palettes are resolved to
    meet `channels`.

    Attributes:
        channels: 1 (gray), 3 (RGB) or 4 (RGBA; PNG only, JPEGs are quarantined). Default 3.
        exif_orientation: Whether to turn each image upright, as its EXIF orientation says (EXIF
            before the pixels, in a JPEG's APP1 segment or a PNG's eXIf chunk; XMP is not read).
            A mask is turned by its own EXIF orientation: one that was drawn over the upright
            image has none and stays. Default False: pixels come as they are stored.
    """

    channels: Literal[1, 3, 4] = 3
    exif_orientation: bool = False


class Resize(GivenPart):
    """Brings every image to one size, whatever its aspect ratio.

    Attributes:
        height: Height in pixels, at least 1.
        width: Width in pixels, at least 1.
        method: Interpolation, as `tf.image.resize` names it. Default `"bilinear"`. Masks are
            always resized by `"nearest"`.
        antialias: Whether to filter before shrinking. Default True. `"area"` and `"nearest"`
            have no such filter and ignore it.
        reducing_gap: How large JPEGs are decoded smaller, at 1/2, 1/4 or 1/8 of their size, before
            they are resized: by the largest step that leaves at least `reducing_gap` times the
            wanted height and width. At least 1.0; the larger, the closer to decoding in full
            (`python -m bench.reduced_decoding` measures how close). It is `reducing_gap` of
            Pillow's `Image.thumbnail`, and the reduced pixels are those of Pillow's `draft`. PNGs
            and masks are always decoded in full. Default None: so are JPEGs. Not for `"nearest"`,
            which invents no pixels.
    """

    height: Annotated[int, Field(ge=1, le=65_535)]
    width: Annotated[int, Field(ge=1, le=65_535)]
    method: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"] = "bilinear"
    antialias: bool = True
    reducing_gap: Annotated[float, Field(ge=1.0)] | None = None

    @model_validator(mode="after")
    def _nearest_takes_pixels_as_they_are(self) -> Resize:
        if self.method == "nearest" and self.reducing_gap is not None:
            raise ValueError(
                "method 'nearest' takes pixels as they are, and reducing_gap averages them before. "
                f"Received: reducing_gap={self.reducing_gap}. Remove one of them."
            )
        return self


class Output(GivenPart):
    """How transformed pixels are stored.

    Attributes:
        encoding: `"png"` (default) and `"raw"` (a serialised uint8 tensor) hold the quantised
            uint8 pixels without loss; `"jpeg"` is lossy and has to be asked for by name;
            `"float"` holds the float32 values as they leave the last layer, unquantised and
            unclipped, and needs `Recipe.resize` or another layer that fixes the size.
        jpeg_quality: 1 to 100, for `"jpeg"` only. Default 95.
    """

    encoding: Encoding = "png"
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _quality_belongs_to_jpeg(self) -> Output:
        if self.encoding != "jpeg" and self.jpeg_quality is not None:
            raise ValueError(
                f"jpeg_quality belongs to encoding 'jpeg' only. Received: encoding="
                f"{self.encoding!r}, jpeg_quality={self.jpeg_quality}. Remove jpeg_quality."
            )
        return self

    @property
    def quality(self) -> int:
        """The JPEG quality in force, 1 to 100."""
        return 95 if self.jpeg_quality is None else self.jpeg_quality

    @property
    def lossless(self) -> bool:
        """Whether what is stored equals what left the transform graph, bit for bit."""
        return self.encoding != "jpeg"


class Feature(GivenPart):
    """A feature of the input Example that is passed through unchanged.

    Attributes:
        dtype: `"int64"`, `"float32"` or `"bytes"`: the three kinds a `tf.train.Example` has.
        shape: Shape of the values of one Example: `()` (default) for exactly one value, `(n, …)`
            for exactly that many, None for any number.
    """

    dtype: FeatureType
    shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(default=(), strict=False)
