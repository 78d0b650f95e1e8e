"""A job's keys and plain values, checked before anything that takes long is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator
from ruamel.yaml.comments import CommentedMap

from pixelbake.errors import ConfigError
from pixelbake.intake.gate import ImageLimits
from pixelbake.intake.tfrecord import MAX_RECORD_BYTES
from pixelbake.plain.parts import GivenPart, LocatedError
from pixelbake.plain.recipe import PlainRecipe
from pixelbake.yaml_schema import read_yaml, validate

__all__ = ["Fit", "Limits", "PlainJob", "check_job"]

_Pattern = Annotated[str, Field(min_length=1)]


class Limits(GivenPart):
    """How much may be wrong before the job fails.

    Attributes:
        max_bad_records: How many records may be quarantined in all, or None (default) for any
            number.
        max_bad_fraction: Which part of each split's records may be quarantined, 0 to 1.
            Default 0.01.
        allow_damaged_files: Whether to go on where the rest of a file is unreadable; the default
            False fails the job.
        max_image_pixels: Images with more pixels than this are quarantined before they are
            decoded. Default 25 million. Peak memory grows with it (docs/reliability.md).
        max_image_bytes: Encoded images with more bytes than this are quarantined. Default 64 MiB.
        max_record_bytes: Records with more bytes than this are file damage. Default 128 MiB.
    """

    mistaken: ClassVar[type[ConfigError]] = ConfigError

    max_bad_records: Annotated[int, Field(ge=0)] | None = None
    max_bad_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    allow_damaged_files: bool = False
    max_image_pixels: Annotated[int, Field(ge=1)] = ImageLimits.max_pixels
    max_image_bytes: Annotated[int, Field(ge=1)] = ImageLimits.max_bytes
    max_record_bytes: Annotated[int, Field(ge=1, le=2**31 - 1)] = MAX_RECORD_BYTES

    @property
    def images(self) -> ImageLimits:
        """How large an encoded or decoded image may be, as the gate takes it."""
        return ImageLimits(max_pixels=self.max_image_pixels, max_bytes=self.max_image_bytes)


class Fit(GivenPart):
    """What the layers that learn from the data are fitted on.

    Attributes:
        splits: The splits to fit on. Default `("train",)`.
        cache: A folder for the counts of each input file, or None (default) to count all files
            in every run. With it, a run over one more span reads only that one again.
    """

    mistaken: ClassVar[type[ConfigError]] = ConfigError

    splits: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("train",)
    cache: Annotated[str, Field(min_length=1)] | None = None


class PlainJob(GivenPart):
    """What `JobConfig` says; its attributes are described there."""

    mistaken: ClassVar[type[ConfigError]] = ConfigError

    input: dict[str, Annotated[tuple[_Pattern, ...], Field(strict=False)]] = Field(min_length=1)
    output: str = Field(min_length=1)
    recipe: PlainRecipe
    limits: Limits = Limits()
    fit: Fit = Fit()
    expected_records: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    expected_records_of: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("recipe", mode="before")
    @classmethod
    def _recipe_has_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping | PlainRecipe):
            raise ValueError("expected the recipe's keys.")
        return value

    @field_validator("input", mode="before")
    @classmethod
    def _one_pattern(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {k: (v,) if isinstance(v, str) else v for k, v in value.items()}

    @field_validator("input")
    @classmethod
    def _split_names(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for split, patterns in value.items():
            if not split.replace("_", "").replace("-", "").isalnum():
                raise LocatedError(
                    f"a split's name has letters, digits, '-' and '_' only. Received: {split!r}.",
                    split,
                )
            if not patterns:
                raise LocatedError(f"split {split!r} needs at least one file pattern.", split)
        return value

    @model_validator(mode="after")
    def _expected_splits_exist(self) -> PlainJob:
        for split in self.expected_records:
            if split not in self.input:
                raise LocatedError(
                    f"input has the splits {', '.join(self.input)}. Received: {split!r}.",
                    *("expected_records", split),
                )
        return self


def check_job(path: str | Path) -> None:
    """Looks for mistakes in a local YAML file that need none of its layers to be made.

    It answers in a fraction of a second; `job_from_yaml` finds the rest, but needs TensorFlow and
    Beam, which take some ten seconds to import. Files elsewhere are read by Beam, and are left
    to it.

    Raises:
        ConfigError: Names the file, the line, the key, the value received and what is right.
    """
    if "://" in str(path):  # as `files.is_remote` says, whose module imports Beam
        return
    loaded = read_yaml(path)
    recipe = loaded.get("recipe")
    if isinstance(recipe, CommentedMap) and isinstance(recipe.get("layers"), Mapping):
        recipe["layers"] = []  # they are a .keras file's, which Keras opens
    validate(loaded, PlainJob, path)
