"""`pixelbake preview --watch`, in a process of its own."""

import os
import signal
import subprocess
import time

import pytest

from tests.cli.command import SCRIPT, UNSET
from tests.cli.test_preview import JOB
from tests.job.inputs import PHOTOS

#: Nothing is measured by it: only how long a process that does nothing is waited for.
PATIENCE = 120


@pytest.fixture
def watching(tmp_path):
    """The command, which has drawn its first sheet."""
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "photo.jpg").write_bytes(PHOTOS[0])
    environment = {key: value for key, value in os.environ.items() if key not in UNSET}
    process = subprocess.Popen(
        [SCRIPT, "preview", "job.yaml", "photo.jpg", "-o", "sheet.png", "--watch"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "sheet.png\n"
    assert process.stderr.readline() == "watching; Ctrl-C ends it\n"
    yield process
    process.kill()
    process.communicate()


def changed(path, before):
    """Waits for another sheet than `before`, and returns it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        now = path.read_bytes()
        if now != before and now.endswith(b"IEND\xaeB`\x82"):
            return now
        time.sleep(0.2)
    raise AssertionError(f"{path} was not drawn anew")


@pytest.mark.slow
def test_the_sheet_follows_the_job_through_mistakes_and_ends_when_it_is_told_to(watching, tmp_path):
    job, sheet = tmp_path / "job.yaml", tmp_path / "sheet.png"
    time.sleep(1)  # until it is watching indeed
    first = sheet.read_bytes()
    job.write_text(JOB.replace("1.2", "0.5"))
    second = changed(sheet, first)
    job.write_text(JOB.replace("1.2", "-1"))  # half-typed
    assert watching.stderr.readline().startswith("pixelbake: job.yaml, line 4, ")
    assert sheet.read_bytes() == second
    (tmp_path / "new").write_text(JOB)  # as most editors save
    os.replace(tmp_path / "new", job)
    assert changed(sheet, second) == first
    (tmp_path / "new").write_text(JOB.replace("1.2", "0.5"))
    os.replace(tmp_path / "new", job)
    assert changed(sheet, first) == second
    watching.send_signal(signal.SIGINT)
    said, complained = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 0
    assert set(said.splitlines()) == {"sheet.png"}
    assert complained == ""
