"""Looks at a finished run and writes its page."""

from __future__ import annotations

import base64
import io
import json
import logging
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from pixelbake.files import read_text, write_bytes
from pixelbake.job.manifest import Manifest
from pixelbake.recipe.description import describe_stages
from pixelbake.report import charts
from pixelbake.report.sample import Pair, Refused, sample_pairs, sample_refused
from pixelbake.report.verdict import Verdict, read_verdict
from pixelbake.verify.sample import Materialised

__all__ = ["REPORT_FILE", "harmless", "render", "report_run"]

REPORT_FILE = "report.html"
_SHOWN_PER_SPLIT = 6
_PICTURE_SIZE = 320
_THUMBNAIL_SIZE = 128
_DIFFERENCE_SIZE = 960
_SECONDS = re.compile(r'<script type="application/json" id="seconds">([^<]*)</script>')


def report_run(
    run: str,
    *,
    name: str | None = None,
    seconds: Mapping[str, float] | None = None,
) -> str:
    """Writes `report.html` into a run's folder, or writes it anew.

    The verdict that `pixelbake verify` left beside the run is on it.

    Args:
        run: The folder of a run, on any file system that Beam knows. Its input should still be
            there: the pictures as read come from it.
        name: What the run is called on the page; `run` by default.
        seconds: How long each part of the run took, by name; as the old page has it by default.

    Returns:
        The path of the page.

    Raises:
        RunError: The run is not finished, or not one.
    """
    materialised = Materialised.of_run(run)
    files = materialised.manifest.files(run)
    path = f"{files}/{REPORT_FILE}"
    if seconds is None:
        seconds = _seconds_of(read_text(path) or "")
    page = render(materialised, name or run, seconds, read_verdict(files))
    write_bytes(path, page.encode())
    return path


@contextmanager
def harmless() -> Iterator[None]:
    """Logs what goes wrong with a page instead of failing a run that is good."""
    try:
        yield
    except Exception:
        logging.getLogger("pixelbake").warning("%s was not written", REPORT_FILE, exc_info=True)


def render(
    run: Materialised,
    name: str,
    seconds: Mapping[str, float],
    verdict: Verdict | None = None,
) -> str:
    """Returns a run's page as HTML.

    Args:
        run: The run.
        name: What it is called on the page.
        seconds: See `report_run`.
        verdict: The verdict on a model of this run, if there is one.
    """
    manifest = run.manifest
    pairs = list(sample_pairs(run))
    refused = sample_refused(run)
    before, after = [pair.before for pair in pairs], [pair.after for pair in pairs]
    total = {
        key: sum(getattr(counts, key) for counts in manifest.splits.values())
        for key in ("read", "written", "quarantined")
    }
    reasons: Counter[str] = Counter()
    for counts in manifest.splits.values():
        reasons.update(counts.reasons)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pixelbake.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        name=posixpath.basename(name.rstrip("/")) or name,
        folder=name,
        manifest=manifest,
        total=total,
        reasons=reasons.most_common(),
        stages=list(describe_stages(manifest.recipe).values()),
        inputs=[_input_row(manifest, split) for split in manifest.splits],
        pairs=[_pair_figure(pair) for pair in _shown(pairs)],
        sampled=len(pairs),
        refused=[_refused_figure(one) for one in refused],
        charts=charts.pixel_histograms(before, after) if pairs else [],
        aspects=charts.aspect_histogram([pair.before_size for pair in pairs]) if pairs else None,
        sizes=Counter(_size(pair.before_size) for pair in pairs).most_common(8),
        width=charts.WIDTH,
        height=charts.HEIGHT,
        seconds={part: round(float(took), 3) for part, took in seconds.items()},
        verification=verdict and verdict.verification,
        difference=_difference(verdict),
        recipe_json=json.dumps(_readable(manifest), indent=1, ensure_ascii=False),
    )


def _seconds_of(page: str) -> dict[str, float]:
    found = _SECONDS.search(page)
    if found is None:
        return {}
    return {str(part): float(took) for part, took in json.loads(found[1]).items()}


def _input_row(manifest: Manifest, split: str) -> dict[str, Any]:
    files = manifest.inputs[split]
    shards = [shard for shard in manifest.shards if shard.split == split]
    return {
        "split": split,
        "files": len(files),
        "folder": posixpath.dirname(next(iter(files), "")),
        "megabytes": sum(files.values()) / 1e6,
        "written": sum(shard.bytes_written for shard in shards) / 1e6,
    }


def _readable(manifest: Manifest) -> dict[str, Any]:
    """Returns the recipe without the bytes of its weights."""
    recipe: dict[str, Any] = manifest.recipe.model_dump(mode="json")
    for layer in recipe["layers"]:
        for weight in layer["weights"] or ():
            weight["data"] = f"{len(weight['data'])} characters of base64"
    return recipe


def _shown(pairs: list[Pair]) -> list[Pair]:
    """Returns a few pairs of every split, spread over its sample."""
    shown = []
    for split in dict.fromkeys(pair.split for pair in pairs):
        found = [pair for pair in pairs if pair.split == split]
        shown += found[:: max(1, -(-len(found) // _SHOWN_PER_SPLIT))]
    return shown


def _size(height_width: tuple[int, int]) -> str:
    height, width = height_width
    return f"{width} x {height}"


def _pair_figure(pair: Pair) -> dict[str, Any]:
    return {
        "split": pair.split,
        "file": posixpath.basename(pair.file),
        "index": pair.index,
        "features": pair.features,
        "before": _picture(pair.before, _PICTURE_SIZE),
        "after": _picture(pair.after, _PICTURE_SIZE),
        "before_size": _size(pair.before_size),
        "after_size": _size(pair.after_size),
    }


def _refused_figure(one: Refused) -> dict[str, Any]:
    return {
        "split": one.split,
        "file": posixpath.basename(one.item.file),
        "index": one.item.index,
        "reason": one.item.reason.value,
        "message": one.item.message,
        "picture": None if one.pixels is None else _picture(one.pixels, _THUMBNAIL_SIZE),
    }


def _picture(pixels: np.ndarray, size: int) -> str:
    """Returns a data URI; large pictures are made smaller, small ones are kept to the pixel."""
    channels = pixels.shape[-1]
    picture = Image.fromarray(pixels[..., 0] if channels in (1, 2) or channels > 4 else pixels)
    is_small = max(picture.size) <= size and (channels != 3 or min(picture.size) <= 64)
    return _data_uri(picture, size, "png" if is_small else "jpeg")


def _difference(verdict: Verdict | None) -> str | None:
    """Returns the picture of the worst record; a PNG, since JPEG would add differences."""
    if verdict is None or verdict.picture is None:
        return None
    with Image.open(io.BytesIO(verdict.picture)) as picture:
        return _data_uri(picture.convert("RGB"), _DIFFERENCE_SIZE, "png")


def _data_uri(picture: Image.Image, size: int, kind: str) -> str:
    file = io.BytesIO()
    picture.thumbnail((size, size))
    if kind == "jpeg":
        picture.convert("RGB").save(file, "JPEG", quality=88)
    else:
        picture.save(file, "PNG")
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
