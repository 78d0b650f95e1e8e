"""`make scaling`: what a run costs, fitted on measured runs, and docs/scaling.md written from it.

Runs of several sizes, with one and with two worker processes, fit `CPU = start + worker * workers +
image * images`. A size that the fit has not seen says how far the fit can be trusted.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.dataset import CROPS, make_dataset

__all__ = ["Fit", "Measured", "main"]

ROOT = Path(__file__).parent.parent
SIZES = (1000, 2000, 4000, 8000)
HELD_OUT = 16000
WORKERS = (1, 2)
_TICKS = os.sysconf("SC_CLK_TCK")

JOB = """\
input: {{train: {images}/*.tfrecord}}
output: {output}
recipe:
  resize: {{height: 224, width: 224}}
  layers:
    - {{layer: Brightness, config: {{factor: 1.2}}}}
    - {{layer: GaussianBlur, config: {{kernel_size: 5, sigma: 2.0}}}}
  output: {{encoding: raw}}
  passthrough: {{id: int64}}
"""


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        images: Images in its input.
        shards: Files in its input.
        workers: Worker processes.
        seconds: From its start to its end.
        cpu_seconds: User and system time of all its processes.
        peak_rss_bytes: Peak memory of its largest process.
        objects: Files in the finished run.
        bytes_written: Their size.
        manifest_bytes: Size of its manifest.
        shuffle_bytes: What passed between Beam's steps: tasks and results, no images.
    """

    images: int
    shards: int
    workers: int
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    objects: int
    bytes_written: int
    manifest_bytes: int
    shuffle_bytes: int


@dataclass(frozen=True)
class Fit:
    """`CPU seconds = start + worker * workers + image * images`, by least squares."""

    start: float
    worker: float
    image: float

    @classmethod
    def of(cls, runs: list[Measured]) -> Fit:
        """Fits at least three runs of different sizes and worker counts."""
        rows = np.array([[1.0, run.workers, run.images] for run in runs])
        solved, *_ = np.linalg.lstsq(rows, np.array([run.cpu_seconds for run in runs]), rcond=None)
        return cls(*(float(value) for value in solved))

    def cpu_seconds(self, images: int, workers: int) -> float:
        """Predicts the CPU time of a run."""
        return self.start + self.worker * workers + self.image * images


def measure(images: Path, count: int, workers: int, work: Path) -> Measured:
    """Runs the command line once, in processes of its own."""
    run = work / "run"
    job = work / "job.yaml"
    job.write_text(JOB.format(images=images, output=run))
    flags = ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    start = time.perf_counter()
    log = work / "log"
    with open(log, "w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pixelbake", "run", "--json", str(job), "--", *flags],
            stdout=output,
            stderr=output,
        )
    seen: dict[int, tuple[float, int]] = {}
    while process.poll() is None:
        seen.update(_tree(process.pid))
        time.sleep(0.2)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"pixelbake ended with {process.returncode}: {log.read_text()[-500:]}")
    files = [path for path in run.rglob("*") if path.is_file()]
    manifest = run / "manifest.json"
    return Measured(
        images=count,
        shards=len(list(images.glob("*.tfrecord"))),
        workers=workers,
        seconds=seconds,
        cpu_seconds=sum(cpu for cpu, _ in seen.values()),
        peak_rss_bytes=max(peak for _, peak in seen.values()),
        objects=len(files),
        bytes_written=sum(path.stat().st_size for path in files),
        manifest_bytes=manifest.stat().st_size,
        shuffle_bytes=_shuffled(str(run)),
    )


def _shuffled(run: str) -> int:
    """Returns the size of the tasks and results as Beam pickles them between its steps."""
    from pixelbake.job import ShardTask, read_manifest

    manifest = read_manifest(run)
    total = 0
    for shard in manifest.shards:
        size = manifest.inputs[shard.split][shard.input]
        task = ShardTask(shard.split, shard.index, len(manifest.shards), shard.input, size)
        total += len(pickle.dumps(task)) + len(pickle.dumps(shard))
    return total


def _tree(root: int) -> dict[int, tuple[float, int]]:
    """Returns CPU seconds and peak memory of a process and all below it, by process ID."""
    found = {}
    try:
        fields = Path(f"/proc/{root}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{root}/status").read_text()
        peak = next(int(s.split()[1]) for s in status.splitlines() if s.startswith("VmHWM:"))
        found[root] = ((int(fields[11]) + int(fields[12])) / _TICKS, peak * 1024)
        for task in Path(f"/proc/{root}/task").iterdir():
            for child in (task / "children").read_text().split():
                found.update(_tree(int(child)))
    except (OSError, StopIteration):  # it has just ended
        pass
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measures, fits, and writes bench/scaling.json and docs/scaling.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "scaling.json")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "scaling.md")
    given = parser.parse_args(arguments)
    runs: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        for size in (*given.sizes, given.held_out):
            images, _, count = make_dataset(Path(folder, str(size)), CROPS, size, 2)
            for workers in WORKERS:
                runs.append(measure(images, count, workers, Path(folder)))
                print(json.dumps(asdict(runs[-1])), flush=True)
    given.results.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    given.document.write_text(document(runs, held_out=runs[-1].images))


def document(runs: list[Measured], held_out: int) -> str:
    """Returns docs/scaling.md."""
    fitted = [run for run in runs if run.images != held_out]
    fit = Fit.of(fitted)
    lines = [
        "# What a run costs",
        "",
        "Written by `make scaling` from runs of the command line over 224 x 224 JPEG crops "
        f"(resize, brightness, 5 x 5 blur, raw output) on {os.cpu_count()} cores.",
        "",
        "| images | workers | seconds | CPU seconds | predicted | error | largest process, GiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        predicted = fit.cpu_seconds(run.images, run.workers)
        error = f"{predicted / run.cpu_seconds - 1:+.1%}"
        lines.append(
            f"| {run.images:,}{' (not fitted)' if run.images == held_out else ''} | {run.workers} "
            f"| {run.seconds:.1f} | {run.cpu_seconds:.1f} | {predicted:.1f} | {error} "
            f"| {run.peak_rss_bytes / 2**30:.2f} |"
        )
    last = runs[-1]
    unseen = [run for run in runs if run.images == held_out]
    worst = max(abs(fit.cpu_seconds(r.images, r.workers) / r.cpu_seconds - 1) for r in unseen)
    lines += [
        "",
        f"CPU seconds = {fit.start:.1f} + {fit.worker:.1f} x workers + "
        f"{fit.image * 1000:.3f} x images / 1000, by least squares over the fitted sizes. On the "
        f"size that the fit has not seen it is off by {worst:.1%} at most.",
        "",
        "Memory does not depend on the number of images: a worker holds three batches, two of "
        "them decoded. No image passes through a shuffle: what passes between Beam's steps is a "
        "task and a result a shard.",
        "",
        "| | a shard | an image |",
        "|---|---|---|",
        f"| bytes between steps | {last.shuffle_bytes / last.shards:,.0f} | 0 |",
        f"| bytes of manifest | {last.manifest_bytes / last.shards:,.0f} | 0 |",
        "| objects written (one more if anything is quarantined) | 1 | 0 |",
        f"| bytes written | | {last.bytes_written / last.images:,.0f} |",
        "",
        f"Beside its shards a run has {last.objects - last.shards} objects: the manifest and the "
        "transform graph.",
        "",
        "## By this model",
        "",
        "| images | in a shard | CPU hours | bytes between steps | objects | manifest, MB "
        "| output, GB |",
        "|---|---|---|---|---|---|---|",
    ]
    for images in (10**6, 10**9):
        for in_a_shard in (CROPS.shard, 10_000):
            shards = images // in_a_shard
            lines.append(
                f"| {images:.0e} | {in_a_shard:,} "
                f"| {fit.cpu_seconds(images, 1) / 3600:,.1f} "
                f"| {last.shuffle_bytes / last.shards * shards:,.0f} "
                f"| {shards + last.objects - last.shards:,} "
                f"| {last.manifest_bytes / last.shards * shards / 1e6:,.1f} "
                f"| {last.bytes_written / last.images * images / 1e9:,.0f} |"
            )
    lines += [
        "",
        "The manifest is one file, which is read and written as a whole: with many images, make "
        "the input's shards larger rather than more. These rows are the model's, not measured.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
