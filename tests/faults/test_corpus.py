"""Real odd images: every file of the corpus through the job, each within bounds of its own."""

from __future__ import annotations

import csv
import gc
import resource
from collections import Counter
from pathlib import Path

import pytest

from pixelbake.intake.gate import ImageLimits
from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import frame_record
from pixelbake.job import JobConfig, Limits, read_manifest, read_quarantine, run_job
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph
from tests.job.inputs import example, record

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus"
RECIPE = Recipe(passthrough={"file": "bytes"})

pytestmark = pytest.mark.skipif(
    not (CORPUS / "manifest.csv").is_file(),
    reason="the corpus of odd images is not beside this checkout",
)


@pytest.fixture(scope="module")
def files() -> list[dict[str, str]]:
    with (CORPUS / "manifest.csv").open() as file:
        return list(csv.DictReader(file))


def data_of(file: dict[str, str]) -> bytes:
    return (CORPUS / file["file"]).read_bytes()


def seconds() -> float:
    """CPU time of this process: what a loaded machine does not change."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def mib(line: str) -> float:
    """This process' memory now (`VmRSS`), or the most there was since `forget_the_peak`."""
    (found,) = [one for one in Path("/proc/self/status").read_text().splitlines() if line in one]
    return int(found.split()[1]) / 1024


def forget_the_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def test_every_image_is_written_or_quarantined_by_its_format(files, tmp_path, record_property):
    records = [example(image=data_of(file), file=file["file"].encode()) for file in files]
    (tmp_path / "odd.tfrecord").write_bytes(b"".join(map(frame_record, records)))
    config = JobConfig(
        input={"odd": str(tmp_path / "odd.tfrecord")},
        output=str(tmp_path / "run"),
        recipe=RECIPE,
        limits=Limits(max_bad_fraction=1.0),
    )
    run_job(config)
    counts = read_manifest(config.output).splits["odd"]
    refused = {item.index: item.reason.value for item in read_quarantine(config.output, "odd")}
    assert counts.read == len(files) == counts.written + len(refused)
    verdicts = [refused.get(index, "written") for index in range(len(files))]
    for file, verdict in zip(files, verdicts, strict=True):
        is_decoded = file["container"] in ("JPEG", "PNG")
        assert verdict == ("written" if is_decoded else "format_not_allowed"), file["file"]
        assert not is_decoded or (file["tf2.16"], file["tf2.21"]) == ("ok", "ok")
    counts = Counter((f["container"], verdict) for f, verdict in zip(files, verdicts, strict=True))
    record_property("corpus_counts", [[*key, count] for key, count in sorted(counts.items())])


def test_no_image_takes_a_second_or_half_a_gib(files, tmp_path, record_property):
    graph = str(tmp_path / "graph")
    write_transform_graph(RECIPE, graph)
    gate = RecordGate.of(RECIPE, ImageLimits())
    transform = BatchTransform(graph, RECIPE.image_features, RECIPE.passthrough)
    transform.check_canary()  # whatever is made once is made now
    slowest, largest = 0.0, 0.0
    for file in files:
        data = example(image=data_of(file), file=file["file"].encode())
        gc.collect()
        forget_the_peak()
        memory, took = mib("VmRSS"), []
        for _ in range(2):  # the first call may pay for what is made once
            start = seconds()
            checked = gate.check(record(data))
            (result,) = transform([checked]) if isinstance(checked, Admitted) else (checked,)
            took.append(seconds() - start)
            assert isinstance(result, bytes | Quarantined)
        slowest, largest = max(slowest, min(took)), max(largest, mib("VmHWM") - memory)
    assert 0 < slowest < 1.0
    assert 0 < largest < 512
    record_property("corpus_figures", {"slowest": slowest, "largest": largest})
