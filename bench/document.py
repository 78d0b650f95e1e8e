"""docs/performance.md, from results.json and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.chart import write_chart
from bench.contenders import CONTENDERS
from bench.readme import write_summary

__all__ = ["line_of", "write_document"]

_CHART = "images/performance.svg"

_INTRO = """# Performance

Made by `make bench`; no figure is edited by hand. Figures are **ratios from one run**: all
contenders wait in warm processes and run in turn, so that whatever else the machine does falls on
all of them. Imports, graph building where the contender allows it, and a warm-up are not counted;
what a run costs before its first image is measured with {tiny} images and taken off. A ratio is the
median of the rounds' own ratios, and so not quite that of the medians beside it. Where other work
shared the machine, the ratio by CPU time is the steadier one. What is read and written is
{files}{waits}.

All do the same to the same images: {images} crops of 224 x 224 (two photographs, JPEG quality 90),
brightness 1.2, Gaussian blur 5 / sigma 2 with a mirrored border, rounding to uint8, JPEG
quality 95. Their outputs are compared before anything is timed; those of pixelbake, with and
without guard, and of its graph alone are equal to the last bit. pixelbake runs as its command
does, with one thread an operation (`TF_NUM_INTRAOP_THREADS=1`), and so do the graphs without a job;
tf.data sees to that by itself, TFX and TFT run as they come.

{rounds} rounds, {cores} cores, Python {python}, TensorFlow {tensorflow}, TFT {tft}, TFX {tfx},
Beam {beam}.

![Throughput against pixelbake's]({chart})
"""

_HEAD = (
    "contender",
    "images/s",
    "pixelbake is faster by",
    "spread over rounds",
    "by CPU time",
    "images per core-second",
    "start-up, s",
    "peak memory, GiB",
    "bytes an image",
)


def write_document(results: Path, docs: Path) -> None:
    """Writes `performance.md`, its chart, and the README's few ratios.

    Args:
        results: The JSON file; the results of each line are in `lines/` beside it.
        docs: Folder to write to; the README is above it.
    """
    found = json.loads(results.read_text())
    (docs / _CHART).parent.mkdir(parents=True, exist_ok=True)
    write_chart(found, docs / _CHART)
    versions = found["versions"]
    intro = _INTRO.format(
        tiny=32,
        files=found["files"],
        waits="" if found["files"] == "in memory" else ", whose waits fall on whoever writes then",
        images=found["images"],
        rounds=found["rounds"],
        cores=versions["cores"],
        python=versions["python"],
        tensorflow=versions["tensorflow"],
        tft=versions["tensorflow-transform"],
        tfx=versions["tfx"],
        beam=versions["apache-beam"],
        chart=_CHART,
    )
    parts = [intro, _contenders(found), _guard(found), _lines(results.parent / "lines")]
    parts += [_encodings(found), _photos(found), _reducing_gap(found)]
    parts += [_scaling(found), _profile(found), _latency(found), _start_up(found)]
    (docs / "performance.md").write_text("\n".join(part for part in parts if part))
    write_summary(results.parent / "lines", docs.parent / "README.md")


def line_of(versions: dict[str, str]) -> str:
    """Returns the name of a line of libraries, such as `tfx116`, from the versions in use."""
    has_tfx = versions["tfx"] != "absent"
    number = versions["tfx" if has_tfx else "tensorflow-transform"]
    return ("tfx" if has_tfx else "tft") + "".join(number.split(".")[:2])


def _contenders(found: dict[str, Any]) -> str:
    rows = []
    for name, title in CONTENDERS.items():
        if name == "unguarded":
            continue
        if name not in found["contenders"]:
            rows.append((title, found["reasons"].get(name, ""), *[""] * (len(_HEAD) - 2)))
            continue
        ratio = found["ratios"].get(name, found["other_ratios"].get(name))
        low, high = found["spread"].get(name, (None, None))
        rows.append(
            (
                title,
                *_speed(found["contenders"][name]),
                *(
                    ("", "", "")
                    if ratio is None
                    else (
                        f"**{ratio:.2f}**",
                        f"{low:.2f} to {high:.2f}",
                        f"{found['cpu_ratios'][name]:.2f}",
                    )
                ),
                *_costs(found["contenders"][name]),
            )
        )
    return "## Against what a user would pick instead\n\n" + _table(_HEAD, rows)


def _guard(found: dict[str, Any]) -> str:
    cost = found["ratios"].get("guard_overhead")
    if cost is None:
        return ""
    low, high = found["spread"]["guard_overhead"]
    return (
        f"\nThe guard (checksums, header gate, quarantine) costs {cost:.1%} of the time on clean "
        f"data ({low:.1%} to {high:.1%} over rounds; {found['cpu_ratios']['guard_overhead']:.1%} "
        "by CPU time), against the same job with plain reading put in its place.\n"
    )


def _lines(folder: Path) -> str:
    """Compares the ratios of all lines that have been measured."""
    measured = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    if len(measured) < 2:
        return ""
    names = dict.fromkeys(name for one in measured.values() for name in one["ratios"])
    rows = [(name, *(_with_cpu(one, name) for one in measured.values())) for name in names]
    rows.append(("peak memory, GiB", *(_figure(one["peak_rss_gib"]) for one in measured.values())))
    versions = "; ".join(
        f"{line}: TensorFlow {one['versions']['tensorflow']}, TFX {one['versions']['tfx']}"
        for line, one in measured.items()
    )
    return (
        f"## Line by line\n\nEach from a run of its own, in brackets by CPU time. {versions}. All "
        "other tables are of the line named above.\n\n" + _table(("ratio", *measured), rows)
    )


def _with_cpu(measured: dict[str, Any], name: str) -> str:
    ratio, by_cpu = (measured[part].get(name) for part in ("ratios", "cpu_ratios"))
    return _figure(ratio) if by_cpu is None else f"{_figure(ratio)} ({_figure(by_cpu)})"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _encodings(found: dict[str, Any]) -> str:
    head = ("output", "images/s", "images per core-second", "bytes an image", "peak memory, GiB")
    rows = [
        (
            name.removeprefix("pixelbake_").replace("pixelbake", "jpeg"),
            *_speed(one),
            f"{one['images_per_core_second']:,.0f}",
            f"{one['bytes_per_image']:,.0f}",
            f"{one['peak_rss_gib']:.2f}",
        )
        for name, one in found["encodings"].items()
    ]
    return (
        "## Per output encoding\n\nThe lossless ones hold equal pixels. `float` needs a fixed "
        "size, so that its recipe resizes the crops to the size that they have.\n\n"
        + _table(head, rows)
    )


def _photos(found: dict[str, Any]) -> str:
    key = "stock_transform_12mp"
    rows = []
    for name, one in found["photos12mp"].items():
        contender, _, gap = name.partition("_gap_")
        over = f"{name}_over_{key}"
        ratio = found["other_ratios"].get(over)
        low, high = found["spread"].get(over, (None, None))
        rows.append(
            (
                CONTENDERS[contender] + (f", `reducing_gap: {float(gap):.1f}`" if gap else ""),
                f"{one['images_per_second']:.1f}",
                "" if ratio is None else f"**{ratio:.2f}**",
                "" if ratio is None else f"{low:.2f} to {high:.2f}",
                "" if ratio is None else f"{found['cpu_ratios'][over]:.2f}",
                f"{one['peak_rss_gib']:.2f}",
            )
        )
    head = ("contender", "images/s", "times stock Transform", "spread", "by CPU time", "peak, GiB")
    return (
        f"## {found['photos']} photographs of 12 megapixels, brought to 224 x 224\n\n"
        "All decode in full but where `Resize.reducing_gap` is named. The ratio "
        f"`{key}` of the results is that of `{found[f'{key}_is']}`.\n\n" + _table(head, rows)
    )


def _reducing_gap(found: dict[str, Any]) -> str:
    rows = [
        (
            gap,
            f"{one['cpu_ms']:.1f}",
            f"{one['max_difference']}",
            f"{one['mean_difference']:.3f}",
        )
        for gap, one in found["reducing_gap"].items()
    ]
    head = ("reducing_gap", "CPU ms a photograph", "largest difference", "mean difference")
    return (
        "### What `reducing_gap` saves and changes\n\nOn one thread, decoding to uint8 pixels; "
        "differences from decoding in full, in steps of 255. The photographs are upscales: where "
        "an image has fine detail at its full size and is reduced little, more changes. At "
        "1.0 a photograph is decoded at an eighth of its size; a JPEG's entropy code has to be "
        "read to its end all the same.\n\n" + _table(head, rows)
    )


def _scaling(found: dict[str, Any]) -> str:
    each, cpu = found["scaling_ms_per_image"], found["scaling_cpu_ms_per_image"]
    if not each:
        return ""
    rows = [(f"{int(size):,}", f"{ms:.3f}", f"{cpu[size]:.3f}") for size, ms in each.items()]
    head = ("images", "ms an image", "CPU ms an image")
    text = "## Time per image and number of images\n\n" + _table(head, rows)
    key = "time_per_image_64k_over_4k"
    ratio = found["ratios"][key]
    if ratio is None:
        return text
    by_cpu = found["cpu_ratios"][key]
    return f"{text}\n64,000 against 4,000: {ratio:.2f}, by CPU time {by_cpu:.2f}.\n"


def _profile(found: dict[str, Any]) -> str:
    times = found["profile_cpu_ms"]
    total = sum(times.values())
    rows = [(name, f"{ms:.3f}", f"{ms / total:.0%}") for name, ms in times.items()]
    rows.append(("sum", f"{total:.3f}", ""))
    return (
        "## Where the time of one image goes\n\nCPU time on one thread, each stage by itself.\n\n"
        + _table(("stage", "ms", "share"), rows)
    )


def _latency(found: dict[str, Any]) -> str:
    rows = [
        (name, f"{one['p50_ms']:.2f}", f"{one['p99_ms']:.2f}")
        for name, one in found["serving_latency"].items()
    ]
    return (
        "## Latency of the serving export\n\nA small convolutional net; `model` is given decoded "
        "pixels, `plain` decodes JPEGs and does nothing else, `export_<encoding>` is "
        "pixelbake's export with the recipe inside, which resizes to the model's size "
        "first. Times the batch size.\n\n" + _table(("export x batch", "p50, ms", "p99, ms"), rows)
    )


def _start_up(found: dict[str, Any]) -> str:
    rows = [
        (f"`{name}`", f"{one['median_s']:.2f}", f"{one['max_s']:.2f}")
        for name, one in found["command_start_up"].items()
    ]
    return "## Start-up of the command\n\nThe first line is Python itself.\n\n" + _table(
        ("command", "median, s", "slowest, s"), rows
    )


def _speed(one: dict[str, float]) -> tuple[str]:
    return (f"{one['images_per_second']:,.0f}",)


def _costs(one: dict[str, float]) -> tuple[str, ...]:
    return (
        f"{one['images_per_core_second']:,.0f}",
        f"{one['start_up_seconds']:.1f}",
        f"{one['peak_rss_gib']:.2f}",
        f"{one['bytes_per_image']:,.0f}",
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
