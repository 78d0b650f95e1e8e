"""The manifest: what a run read, did and wrote. Written last; readers start from it."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from pixelbake.errors import NoRunError, RunError
from pixelbake.files import read_text
from pixelbake.job.shards import ShardResult
from pixelbake.plain.parts import Part
from pixelbake.recipe import Recipe

__all__ = [
    "MANIFEST_FILE",
    "FittedLayer",
    "Manifest",
    "SplitCounts",
    "library_versions",
    "read_manifest",
]

MANIFEST_FILE = "manifest.json"
EXAMPLES_DIR = "examples"
QUARANTINE_DIR = "quarantine"
TRANSFORM_GRAPH_DIR = "transform_graph"


class SplitCounts(Part):
    """The books of one split: `read = written + quarantined`.

    Attributes:
        read: Records found in the split's input files.
        written: Records in its output shards.
        quarantined: Records in its quarantine.
        reasons: How many records and faults were quarantined, by reason code.
    """

    read: Annotated[int, Field(ge=0)]
    written: Annotated[int, Field(ge=0)]
    quarantined: Annotated[int, Field(ge=0)]
    reasons: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def of(cls, shards: Iterable[ShardResult]) -> SplitCounts:
        """Adds up shards."""
        shards = list(shards)
        reasons: Counter[str] = Counter()
        for shard in shards:
            reasons.update(shard.reasons)
        return cls(
            read=sum(s.read for s in shards),
            written=sum(s.written for s in shards),
            quarantined=sum(s.quarantined for s in shards),
            reasons=dict(sorted(reasons.items())),
        )


class FittedLayer(Part):
    """A layer that was fitted on the data, and on what.

    Attributes:
        index: Its number in the recipe.
        layer: Its name.
        config: Its arguments, those that were fitted included.
        splits: The splits it was fitted on.
        images: How many images of these were counted.
        skipped: How many of their records could not be.
    """

    index: Annotated[int, Field(ge=0)]
    layer: str
    config: dict[str, Any]
    splits: tuple[str, ...] = Field(strict=False)
    images: Annotated[int, Field(ge=0)]
    skipped: Annotated[int, Field(ge=0)]


class Manifest(Part):
    """What a run read, did and wrote.

    Attributes:
        format: Always `"pixelbake-run"`.
        format_version: Always 1.
        folder: Where the run's files are, from the run's folder: `""` on a local disk; in an
            object store a folder of each attempt's own, since none can be put in place there by a
            rename.
        fingerprint: A hash of all that the outcome depends on: recipe, limits, library versions,
            names, sizes and times of the input files. `--if-changed` goes by it.
        recipe: What was done to the pixels, fitted layers with what they were fitted to.
        recipe_hash: Its hash.
        weights_hashes: `Recipe.weights_hashes`: which trained weights were frozen into which layer.
        fitted: The layers that the job fitted on the data.
        not_exact: What of a recipe of numerics "exact" has no exact form, in words.
        versions: Versions of the libraries that did it, by name.
        inputs: The input files' sizes in bytes, by split and path.
        splits: The books, by split.
        shards: The books, by input file.
    """

    format: Literal["pixelbake-run"] = "pixelbake-run"
    format_version: Literal[1] = 1
    folder: str = ""
    fingerprint: str = ""
    recipe: Recipe
    recipe_hash: str
    weights_hashes: dict[str, str] = Field(default_factory=dict)
    fitted: tuple[FittedLayer, ...] = Field(default=(), strict=False)
    not_exact: tuple[str, ...] = Field(default=(), strict=False)
    versions: dict[str, str]
    inputs: dict[str, dict[str, int]]
    splits: dict[str, SplitCounts]
    shards: tuple[ShardResult, ...] = Field(strict=False)

    @model_validator(mode="after")
    def _weights_are_the_recipe_s(self) -> Manifest:
        hashes = self.recipe.weights_hashes
        if "weights_hashes" in self.model_fields_set and self.weights_hashes != hashes:
            raise ValueError(
                f"weights_hashes must be those of the recipe's weights, {hashes}. Received: "
                f"{self.weights_hashes}."
            )
        object.__setattr__(self, "weights_hashes", hashes)
        return self

    def paths(self, run: str, split: str) -> list[str]:
        """Returns the paths of a split's output shards, in order.

        Args:
            run: The run's folder.
            split: One of `splits`.

        Raises:
            RunError: The run has no such split.
        """
        if split not in self.splits:
            raise RunError(f"{run} has splits {sorted(self.splits)}. Received: split={split!r}.")
        folder = f"{self.files(run)}/{EXAMPLES_DIR}/Split-{split}"
        return [f"{folder}/{shard.output}" for shard in self.shards if shard.split == split]

    def transform_graph(self, run: str) -> str:
        """Returns the folder of the run's transform graph.

        Args:
            run: The run's folder.
        """
        return f"{self.files(run)}/{TRANSFORM_GRAPH_DIR}"

    def files(self, run: str) -> str:
        """Returns the folder that holds the run's files but the manifest.

        Args:
            run: The run's folder.
        """
        return f"{run.rstrip('/')}/{self.folder}".rstrip("/")


def library_versions() -> dict[str, str]:
    """Returns the versions of everything that can change a pixel, by name."""
    names = ("pixelbake", "apache-beam", "keras", "numpy", "tensorflow", "tensorflow-transform")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def read_manifest(run: str) -> Manifest:
    """Reads the manifest of a finished run.

    Args:
        run: The run's folder, on any file system that Beam knows.

    Raises:
        NoRunError: There is no manifest, so the run is not finished or not one.
        RunError: It is damaged.
    """
    path = f"{run.rstrip('/')}/{MANIFEST_FILE}"
    try:
        text = read_text(path)
        if text is None:
            raise NoRunError(f"{path} does not exist: {run} is no finished run of pixelbake.")
        return Manifest.model_validate_json(text)
    except (UnicodeDecodeError, ValidationError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
