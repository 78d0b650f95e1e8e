"""What a job is told: input splits, recipe, output folder, limits."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import model_validator
from ruamel.yaml.comments import CommentedMap

from pixelbake.errors import ConfigError
from pixelbake.files import is_remote, read_text
from pixelbake.plain.job import Fit, Limits, PlainJob
from pixelbake.plain.parts import LocatedError
from pixelbake.recipe import Recipe
from pixelbake.recipe.yaml_file import with_keras_layers
from pixelbake.yaml_schema import read_yaml, validate

__all__ = ["Fit", "JobConfig", "Limits", "job_from_yaml"]


class JobConfig(PlainJob):
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

    recipe: Recipe

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
