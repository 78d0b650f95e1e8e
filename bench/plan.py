"""The benchmark from data to figures: what is measured, in which order."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from bench.agreement import check_agreement
from bench.case import Case
from bench.contenders import CONTENDERS, missing
from bench.dataset import CROPS, PHOTOS_12MP, Kind, make_dataset
from bench.figures import per_contender, ratio
from bench.measure import Entry, Sources, measure_rounds, started

__all__ = ["Plan", "run_plan"]

_AGAINST = ("stock_transform", "tft_by_hand", "tf_data", "bare_graph", "opencv_pool")
#: Of pixelbake's `Resize` over photographs, beside decoding in full; the last is the headline's.
REDUCING_GAPS = (2.0, 1.0)
SCALING_ROUNDS = 3
_LIBRARIES = (
    "apache-beam",
    "keras",
    "numpy",
    "opencv-python-headless",
    "tensorflow",
    "tensorflow-transform",
    "tfx",
)


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        work: Folder for images, outputs and logs.
        images: Crops in a full run.
        photos: 12-megapixel photographs in a full run.
        rounds: How often each contender runs.
        only: Contenders to run; pixelbake always does.
        scaling: Numbers of crops whose time per image is compared; empty for none.
        encodings: Output encodings of pixelbake beside JPEG.
        calls: Calls in the measurement of latency; repeats in the profile and of the command's
            start are a tenth of it.
    """

    work: Path
    images: int = 8000
    photos: int = 576
    rounds: int = 5
    only: tuple[str, ...] = tuple(CONTENDERS)
    scaling: tuple[int, ...] = (1000, 4000, 16000, 64000)
    encodings: tuple[str, ...] = ("png", "raw", "float")
    calls: int = 200


def run_plan(plan: Plan) -> dict[str, Any]:
    """Measures everything.

    Returns:
        What `results.json` holds.
    """
    plan.work.mkdir(parents=True, exist_ok=True)
    reasons = {name: _why_not(name, plan) for name in CONTENDERS}
    names = [name for name, reason in reasons.items() if reason is None]
    results: dict[str, Any] = {
        "ratios": {},
        "peak_rss_gib": None,
        "rounds": plan.rounds,
        "versions": _versions(),
        "reasons": {name: reason for name, reason in reasons.items() if reason},
        "other_ratios": {},
        "spread": {},
        "cpu_ratios": {},
        "raw": {},
    }
    _crops(plan, names, results)
    _encodings(plan, results)
    _photos(plan, names, results)
    _scaling(plan, results)
    results["peak_rss_gib"] = max(
        one["peak_rss_gib"]
        for part in ("contenders", "photos12mp")
        for name, one in results[part].items()
        if name.startswith("pixelbake")
    )
    print("reduced decoding, profile, latency and start-up")
    results["reducing_gap"] = _module("bench.reduced_decoding", max(1, plan.calls // 40))
    results["profile_cpu_ms"] = _module("bench.stages", max(2, plan.calls // 10))
    results["serving_latency"] = _module("bench.serving_latency", plan.calls)
    results["command_start_up"] = _module("bench.command_start_up", max(2, plan.calls // 10))
    return results


def _why_not(name: str, plan: Plan) -> str | None:
    if name not in plan.only and name != "pixelbake":
        return "left out with --only"
    return missing(name)


def _sources(plan: Plan, kind: Kind, images: int, tiny: int) -> Sources:
    folder = plan.work / f"{kind.name}-{images}"
    full, few, count = make_dataset(folder, kind, images, tiny)
    return Sources(full.resolve(), few.resolve(), count, tiny)


def _measure(
    plan: Plan, entries: list[Entry], sources: Sources
) -> tuple[list[dict[str, Any]], Any]:
    """Starts the entries, checks that they do the same work, and lets them run."""
    with ExitStack() as closing:
        processes = started(entries, plan.work)
        for process in processes.values():
            closing.callback(process.close)
        for name, process in processes.items():
            process.run(sources.tiny, plan.work / f"out-{name}", keep=True)
        agreement = check_agreement(plan.work, list(processes))
        return measure_rounds(processes, sources, plan.rounds, plan.work), agreement


def _compare(
    results: dict[str, Any],
    raw: Any,
    sources: Sources,
    name: str,
    key: str,
    ours: str = "pixelbake",
    part: str = "ratios",
) -> None:
    if name not in raw[0]:
        results[part][key] = None
        return
    found = ratio(raw, sources, ours, name)
    results[part][key] = found["median"]
    results["spread"][key] = [found["low"], found["high"]]
    results["cpu_ratios"][key] = ratio(raw, sources, ours, name, "cpu_seconds")["median"]


def _crops(plan: Plan, names: list[str], results: dict[str, Any]) -> None:
    print(f"crops: {', '.join(names)}")
    sources = _sources(plan, CROPS, plan.images, 32)
    raw, agreement = _measure(plan, [Entry(name, Case()) for name in names], sources)
    results["raw"]["crops"] = raw
    results["images"] = sources.images
    results["agreement"] = agreement
    results["contenders"] = per_contender(raw, sources)
    for name in _AGAINST:
        _compare(results, raw, sources, name, name)
    _compare(results, raw, sources, "own_graph", "own_graph", part="other_ratios")
    _compare(results, raw, sources, "unguarded", "guard_overhead")
    # A ratio of throughputs below 1 is what the guard costs.
    if results["ratios"]["guard_overhead"] is not None:
        for part in ("ratios", "cpu_ratios"):
            results[part]["guard_overhead"] = 1.0 / results[part]["guard_overhead"] - 1.0
        low, high = results["spread"]["guard_overhead"]
        results["spread"]["guard_overhead"] = [1.0 / high - 1.0, 1.0 / low - 1.0]


def _encodings(plan: Plan, results: dict[str, Any]) -> None:
    """Measures pixelbake per output encoding; PNG and floats take long, so with fewer images."""
    print(f"encodings: jpeg, {', '.join(plan.encodings)}")
    sources = _sources(plan, CROPS, max(1000, plan.images // 8), 32)
    entries = [Entry("pixelbake", Case(encoding=e)) for e in ("jpeg", *plan.encodings)]
    raw, results["agreement_encodings"] = _measure(plan, entries, sources)
    results["raw"]["encodings"] = raw
    results["encodings"] = per_contender(raw, sources)


def _photos(plan: Plan, names: list[str], results: dict[str, Any]) -> None:
    names = [name for name in names if name in ("pixelbake", "stock_transform")]
    sources = _sources(plan, PHOTOS_12MP, plan.photos, 2)
    entries = [Entry(name, Case(resize=224)) for name in names]
    entries += [Entry("pixelbake", Case(resize=224, reducing_gap=gap)) for gap in REDUCING_GAPS]
    print(f"12-megapixel photographs: {', '.join(entry.name for entry in entries)}")
    raw, results["agreement_12mp"] = _measure(plan, entries, sources)
    results["raw"]["photos12mp"] = raw
    results["photos"] = sources.images
    results["photos12mp"] = per_contender(raw, sources)
    stock, key = "stock_transform", "stock_transform_12mp"
    _compare(results, raw, sources, stock, key, entries[-1].name)
    results["stock_transform_12mp_is"] = entries[-1].name
    for entry in entries:
        if entry.contender == "pixelbake":
            name = f"{entry.name}_over_{key}"
            _compare(results, raw, sources, stock, name, entry.name, "other_ratios")


def _scaling(plan: Plan, results: dict[str, Any]) -> None:
    key = "time_per_image_64k_over_4k"
    for part in ("scaling_ms_per_image", "scaling_cpu_ms_per_image"):
        results[part] = {}
    results["ratios"][key] = results["cpu_ratios"][key] = None
    if not plan.scaling:
        results["reasons"][key] = "left out by --quick"
        return
    print(f"scaling: {', '.join(map(str, plan.scaling))} images")
    process = started([Entry("pixelbake", Case())], plan.work)["pixelbake"]
    answers: dict[int, list[dict[str, Any]]] = {size: [] for size in plan.scaling}
    starts = []
    out = plan.work / "out-scaling"
    # The smaller sizes on both sides of the largest: whether the machine gets slower or faster
    # meanwhile, it does so for all.
    there_and_back = (*plan.scaling, *plan.scaling[-2::-1])
    for size in there_and_back * SCALING_ROUNDS:
        sources = _sources(plan, CROPS, size, 32)
        starts.append(process.run(sources.tiny, out))
        answers[size].append(process.run(sources.full, out))
        print(f"  {size}: {answers[size][-1]['seconds']:.1f} s")
    process.close()
    results["raw"]["scaling"] = {"tiny": starts, "full": answers}
    for part, of, ratios in (
        ("scaling_ms_per_image", "seconds", "ratios"),
        ("scaling_cpu_ms_per_image", "cpu_seconds", "cpu_ratios"),
    ):
        start = median(one[of] for one in starts)
        each = {
            size: (median(one[of] for one in full) - start) / (size - 32) * 1e3
            for size, full in answers.items()
        }
        results[part] = each
        if 64000 in each and 4000 in each:
            results[ratios][key] = each[64000] / each[4000]
        else:
            results["reasons"][key] = f"measured at {', '.join(map(str, plan.scaling))} only"


def _module(name: str, argument: int) -> Any:
    """Runs a measurement in a process of its own."""
    command = [sys.executable, "-m", name, str(argument)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
