"""A run that is ended from outside publishes nothing, leaves nothing, and can be taken up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pixelbake.intake.tfrecord import frame_record
from pixelbake.job import read_manifest
from tests.job.inputs import PHOTOS, example

pytestmark = pytest.mark.faults

SHARDS = 6
COPIES = 12
JOB = """
input: {{train: '{inputs}/train-*'}}
output: run
recipe:
  layers: [{{layer: GaussianBlur, config: {{kernel_size: 9, sigma: 3.0}}}}]
"""
PROCESSES = ["--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    data = b"".join(frame_record(example(image=image)) for image in PHOTOS) * COPIES
    for shard in range(SHARDS):
        (folder / f"train-{shard:05d}-of-{SHARDS:05d}.tfrecord").write_bytes(data)
    return folder


def start(folder: Path, inputs: Path, *arguments: str) -> subprocess.Popen:
    """Starts the command as a terminal would: a shell's background job ignores SIGINT."""
    (folder / "job.yaml").write_text(JOB.format(inputs=inputs))
    return subprocess.Popen(
        [sys.executable, "-m", "pixelbake", "run", "job.yaml", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def finished_shards(folder: Path) -> list[Path]:
    return list((folder / ".run.staging" / "results").glob("*.json"))


def wait_for_a_shard(folder: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 400
    while not finished_shards(folder):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def children_of(process: int) -> list[int]:
    """The processes that a process has started, and those that these have, and so on."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
    ).stdout.split()
    children = [int(child) for child in listed]
    return children + [one for child in children for one in children_of(child)]


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_until_gone(processes: list[int], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while any(map(alive, processes)):
        assert time.monotonic() < deadline, f"still alive: {list(filter(alive, processes))}"
        time.sleep(0.1)


def last_word(output: str) -> str:
    """The last line, below how far the run is; no trace of any library may stand among them."""
    lines = output.strip().splitlines()
    assert all(line.startswith("pixelbake: ") for line in lines if line), output
    return lines[-1]


def made_at(run: Path) -> dict[str, int]:
    """When each finished shard was written last, by its name."""
    return {path.name: path.stat().st_mtime_ns for path in run.rglob("*-of-00006.tfrecord")}


def run_to_the_end(folder: Path, inputs: Path, *arguments: str) -> str:
    process = start(folder, inputs, *arguments)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert read_manifest(str(folder / "run")).splits["train"].written == (
        SHARDS * COPIES * len(PHOTOS)
    )
    assert sorted(path.name for path in folder.iterdir()) == ["job.yaml", "run"]
    return output


@pytest.mark.fault("{name} while running", "exit {code}, nothing published, nothing left")
@pytest.mark.parametrize(
    ("name", "number", "code"), [("SIGINT", signal.SIGINT, 130), ("SIGTERM", signal.SIGTERM, 143)]
)
def test_a_signal_ends_the_run_and_leaves_nothing(tmp_path, inputs, name, number, code):
    process = start(tmp_path, inputs)
    wait_for_a_shard(tmp_path, process)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == code
    assert last_word(output) == "pixelbake: interrupted; nothing was published."
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


@pytest.mark.fault("SIGTERM with worker processes", "exit 143, no orphans, nothing left")
def test_a_signal_ends_worker_processes_too(tmp_path, inputs):
    process = start(tmp_path, inputs, *PROCESSES)
    wait_for_a_shard(tmp_path, process)
    workers = children_of(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 143
    wait_until_gone(workers)
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


@pytest.mark.fault("SIGTERM with --resume", "finished shards are kept and taken up")
def test_a_resumable_run_is_taken_up_from_its_finished_shards(tmp_path, inputs):
    process = start(tmp_path, inputs, "--resume")
    wait_for_a_shard(tmp_path, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert 1 <= len(finished_shards(tmp_path)) < SHARDS
    made = made_at(tmp_path / ".run.staging")
    run_to_the_end(tmp_path, inputs, "--resume")
    after = made_at(tmp_path / "run")
    assert len(after) == SHARDS
    assert {name: after[name] for name in made} == made


@pytest.mark.fault("kill -9 of the driver", "nothing published, no orphans; the next run succeeds")
@pytest.mark.parametrize("flags", [[], PROCESSES], ids=["one process", "worker processes"])
def test_a_killed_driver_leaves_no_orphans_and_does_not_hinder_the_next_run(
    tmp_path, inputs, flags
):
    process = start(tmp_path, inputs, *flags)
    wait_for_a_shard(tmp_path, process)
    workers = children_of(process.pid)
    process.kill()
    process.communicate(timeout=120)
    assert not (tmp_path / "run").exists()
    wait_until_gone(workers)
    run_to_the_end(tmp_path, inputs)


@pytest.mark.fault("kill -9 of {whom}", "exit 1, nothing published, no orphans, resumable")
@pytest.mark.parametrize("whom", ["one worker process", "all worker processes"])
def test_killed_workers_fail_the_run_which_can_be_taken_up(tmp_path, inputs, whom):
    process = start(tmp_path, inputs, "--resume", *PROCESSES)
    wait_for_a_shard(tmp_path, process)
    workers = children_of(process.pid)
    assert len(workers) == 2
    for worker in workers[: 1 if whom.startswith("one") else 2]:
        os.kill(worker, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "was ended by SIGKILL before its work was done" in last_word(output)
    assert not (tmp_path / "run").exists()
    wait_until_gone(workers)
    assert finished_shards(tmp_path)
    run_to_the_end(tmp_path, inputs, "--resume")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small disk can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault("disk full", "exit 1, says so, nothing published, nothing left")
def test_a_full_disk_fails_the_run_and_leaves_nothing(small_disk, inputs):
    process = start(small_disk, inputs)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "No space left on device" in output
    assert [path.name for path in small_disk.iterdir()] == ["job.yaml"]
