"""What a job is told: input splits, recipe, output folder, limits."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator
from ruamel.yaml.comments import CommentedMap

from pixelbake.errors import ConfigError
from pixelbake.files import is_remote, read_text
from pixelbake.intake.gate import ImageLimits
from pixelbake.intake.tfrecord import MAX_RECORD_BYTES
from pixelbake.recipe import Recipe
from pixelbake.recipe.parts import GivenPart, LocatedError
from pixelbake.recipe.yaml_file import with_keras_layers
from pixelbake.yaml_schema import read_yaml, validate

__all__ = ["Fit", "JobConfig", "Limits", "job_from_yaml"]


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


class JobConfig(GivenPart):
    """One job: which TFRecords, what to do to them, where to put the run.

    Attributes:
        input: File patterns of each split's TFRecords, by split name.
        output: The run's folder. It is replaced as a whole when the job has succeeded.
        recipe: What to do to the pixels.
        limits: How much may be wrong before the job fails.
        fit: On which splits layers are fitted, if the recipe has layers to be fitted.
        expected_records: How many records each split must have, by split name. It is the only way
            to notice a plain file that was cut exactly between two records. Default: not checked.
        expected_records_of: The folder of a run over the same input, such as last night's: each
            split must have as many records as that run read. Default None.

    Raises:
        ConfigError: Something is not as it must be: one line per mistake with the attribute, what
            was received, and what would be right. It is a ValueError.
    """

    mistaken: ClassVar[type[ConfigError]] = ConfigError

    input: dict[str, Annotated[tuple[_Pattern, ...], Field(strict=False)]] = Field(min_length=1)
    output: str = Field(min_length=1)
    recipe: Recipe
    limits: Limits = Limits()
    fit: Fit = Fit()
    expected_records: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    expected_records_of: Annotated[str, Field(min_length=1)] | None = None

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

    @property
    def recipe_key(self) -> str:
        """Hash of the recipe and, if it has layers to be fitted, of the splits to fit on."""
        splits = self.fit.splits if self.recipe.unfitted else ()
        return hashlib.sha256("/".join((self.recipe.hash, *splits)).encode()).hexdigest()

    @model_validator(mode="after")
    def _fit_splits_exist(self) -> JobConfig:
        missing = [split for split in self.fit.splits if split not in self.input]
        if self.recipe.unfitted and missing:
            raise LocatedError(
                f"layers[{self.recipe.unfitted[0]}] is to be fitted on {missing[0]!r}, and input "
                f"has the splits {', '.join(self.input)}. Received: {list(self.fit.splits)}.",
                *("fit", "splits"),
            )
        return self

    @model_validator(mode="after")
    def _expected_splits_exist(self) -> JobConfig:
        for split in self.expected_records:
            if split not in self.input:
                raise LocatedError(
                    f"input has the splits {', '.join(self.input)}. Received: {split!r}.",
                    *("expected_records", split),
                )
        return self


def job_from_yaml(path: str | Path) -> JobConfig:
    """Reads a job from a YAML file whose keys are `JobConfig`'s attributes.

    Args:
        path: The file, on any file system that Beam knows. Relative paths in it are relative to it.

    Raises:
        ConfigError: Names the file, the line, the key, the value received and what is right.
    """
    if not is_remote(str(path)):
        return _job(Path(path), str(Path(path).parent.resolve()))
    base, _, name = str(path).rpartition("/")
    with tempfile.TemporaryDirectory(prefix="pixelbake-") as folder:
        copy = Path(folder, name)
        text = read_text(str(path))
        if text is None:
            raise ConfigError(f"{path}: no such file.")
        copy.write_text(text)
        try:
            return _job(copy, base)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(copy), str(path))) from error


def _job(path: Path, base: str) -> JobConfig:
    loaded = read_yaml(path)
    recipe = loaded.get("recipe")
    if isinstance(recipe, str):
        raise ConfigError(
            f"{path}, line {loaded.lc.key('recipe')[0] + 1}, recipe: expected the recipe's keys. "
            f"Received: {recipe!r}."
        )
    if isinstance(recipe, CommentedMap):
        if is_remote(base) and isinstance(recipe.get("layers"), Mapping):
            raise ConfigError(
                f"{path}, line {recipe.lc.key('layers')[0] + 1}, recipe.layers: a .keras file is "
                "read from a local disk only. Keep this job's YAML file and the .keras file there; "
                "input and output may be elsewhere."
            )
        with_keras_layers(recipe, path, "recipe.layers")
    config = validate(loaded, JobConfig, path)
    return config.model_copy(
        update={
            "input": {
                split: tuple(_under(base, pattern) for pattern in patterns)
                for split, patterns in config.input.items()
            },
            "output": _under(base, config.output),
            "expected_records_of": config.expected_records_of
            and _under(base, config.expected_records_of),
            "fit": config.fit.model_copy(
                update={"cache": config.fit.cache and _under(base, config.fit.cache)}
            ),
        }
    )


def _under(base: str, path: str) -> str:
    if is_remote(path) or os.path.isabs(path):
        return path
    return f"{base.rstrip('/')}/{path}" if is_remote(base) else str(Path(base) / path)
