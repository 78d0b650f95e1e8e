"""Drafts a JOB.yaml from what a look at TFRecord files shows."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from pixelbake.errors import InputError
from pixelbake.files import is_remote, matching_files
from pixelbake.inspection import FeatureSummary, Inspection, inspect_files

__all__ = ["draft_job", "split_patterns"]

_SPLITS = {
    "train": ("train", "training"),
    "eval": ("eval", "evaluation", "val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_NUMBERS = re.compile(r"\d+")
_SUFFIX = re.compile(r"\.(tfrecords?|tfrec|gz)$")


def draft_job(files: Sequence[str], base: Path) -> str:
    """Returns the text of a JOB.yaml with a comment on every choice.

    Args:
        files: TFRecord files, on any file system that Beam knows.
        base: The folder that the YAML file will be in; paths of local files are relative to it.

    Raises:
        InputError: No feature holds JPEG or PNG images; says which features there are.
    """
    found = inspect_files(files)
    images = found.image_features
    if not images:
        held = "; ".join(f"{name}: {one.in_words}" for name, one in found.features.items())
        damage = ", ".join(found.damage)
        raise InputError(
            f"no feature of the first {found.records} records holds JPEG or PNG images. "
            f"Found: {held or damage or 'no records'}."
        )
    name = "image" if "image" in images else images[0]
    summary = found.features[name]
    lines = [
        f"# Written by `pixelbake init` from the first {found.records} records of {found.files} "
        "files.",
        "#   pixelbake preview job.yaml    shows what it does to a few images",
        "#   pixelbake run job.yaml        does it to all of them",
        "",
        "input:  # file patterns of each split",
        *(
            f"  {split}: {json.dumps(pattern)}"
            for split, pattern in split_patterns(files, base).items()
        ),
        "",
        "output: runs/first  # replaced as a whole when the job has succeeded",
        "",
        "recipe:",
        f"  image: {json.dumps(name)}  # {summary.in_words}",
        *(f"  # {json.dumps(other)} holds images too" for other in images if other != name),
        *_decode(summary),
        *_resize(summary),
        "  layers:  # in order; docs/layers has a page for each",
        "    - {layer: Brightness, config: {factor: 1.2}}",
        "  output: {encoding: png}  # png, raw, float, or jpeg, which is lossy",
        *_passthrough(found, name),
        "",
        "limits:",
        "  max_bad_fraction: 0.01  # of each split; a run with more publishes nothing",
    ]
    return "\n".join(lines) + "\n"


def _decode(summary: FeatureSummary) -> list[str]:
    channels = _channels(summary)
    if not summary.turned:
        return [f"  decode: {{channels: {channels}}}  # 1 gray, 3 RGB, 4 RGBA"]
    return [
        "  decode:",
        f"    channels: {channels}  # 1 gray, 3 RGB, 4 RGBA",
        f"    exif_orientation: true  # turned upright; {summary.turned} are not",
    ]


def _channels(summary: FeatureSummary) -> int:
    return 1 if summary.gray == sum(summary.images.values()) else 3


def _resize(summary: FeatureSummary) -> list[str]:
    if len(summary.sizes) == 1 and not summary.turned:
        width, height = next(iter(summary.sizes))
        size = f"{{height: {height}, width: {width}}}"
        return [f"  resize: {size}  # all images have it already; a model wants to know it"]
    return ["  resize: {height: 224, width: 224}  # without it, each image keeps its own size"]


def _passthrough(found: Inspection, image: str) -> list[str]:
    lines = []
    for name, one in found.features.items():
        if name == image or one.is_image:
            continue
        dtype, count = next(iter(one.dtypes)), next(iter(one.counts))
        if len(one.dtypes) > 1:
            lines.append(f"    # {json.dumps(name)} holds values of several types")
            continue
        if one.records < found.records or len(one.counts) > 1:
            kind = f"{{dtype: {dtype}, shape: null}}"  # any number of values
        elif count == 1:
            kind = dtype
        else:
            kind = f"{{dtype: {dtype}, shape: [{count}]}}"
        lines.append(f"    {json.dumps(name)}: {kind}  # {_one_line(one.in_words)}")
    head = "  passthrough:  # written unchanged beside the image"
    return [head, *lines] if any("#" not in line[:6] for line in lines) else lines


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def split_patterns(files: Sequence[str], base: Path) -> dict[str, str | list[str]]:
    """Guesses the split of each file from its name, and returns a pattern for each.

    Where no pattern matches just these files, they are named one by one.

    Files named for training, evaluation or testing make these splits; all others make one that
    is called `data`.

    Args:
        files: The files.
        base: The folder that patterns of local files are relative to.
    """
    by_split: dict[str, list[str]] = {}
    for path in files:
        named = path if is_remote(path) else os.path.relpath(path, base)
        by_split.setdefault(_split_of(path), []).append(named)
    patterns: dict[str, str | list[str]] = {}
    for split, paths in by_split.items():
        pattern = _pattern(paths)
        patterns[split] = pattern if _matched(pattern, base) == set(paths) else paths
    return patterns


def _matched(pattern: str, base: Path) -> set[str]:
    if not is_remote(pattern):
        return set(glob(pattern, root_dir=base))
    try:
        return set(matching_files([pattern]))
    except InputError:  # of files in several buckets there is no pattern
        return set()


def _split_of(path: str) -> str:
    name, folder = (re.split(r"[^a-z]+", part.lower()) for part in (_stem(path), _folder(path)))
    for split, names in _SPLITS.items():
        if any(word in names for word in name):
            return split
    for split, names in _SPLITS.items():
        if folder[-1] in names and folder[:-1] in ([], ["split"]):
            return split
    return "data"


def _stem(path: str) -> str:
    return _SUFFIX.sub("", Path(path).name)


def _folder(path: str) -> str:
    return Path(path).absolute().parent.name


def _pattern(paths: Sequence[str]) -> str:
    """Returns the narrowest pattern: numbers become `*`, as does what else differs."""
    if len(paths) == 1:
        return paths[0]
    starred = {_starred(path) for path in paths}
    if len(starred) == 1:
        return starred.pop()
    prefix = _common_start(paths)
    suffix = _common_start([path[::-1] for path in paths])[::-1]
    return f"{prefix}*{suffix}" if suffix.startswith(".") else f"{prefix}*"


def _common_start(texts: Sequence[str]) -> str:
    length = 0
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            break
        length += 1
    return texts[0][:length]


def _starred(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, re.sub(r"\*(-of-\*)?", "*", _NUMBERS.sub("*", name)))
