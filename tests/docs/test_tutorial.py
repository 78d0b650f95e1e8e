"""The tutorial, block by block, as a reader would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.job.inputs import PHOTOS

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "README.md"
BLOCK = re.compile(r"^```(console|python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(folder: Path, kind: str, text: str) -> str:
    """Runs a block in the reader's folder and returns what it printed."""
    if kind == "yaml":
        name = text.split("\n", 1)[0].removeprefix("# ")
        (folder / name).write_text(text)
        return ""
    commands = (
        [["bash", "-c", line.removeprefix("$ ")] for line in text.splitlines()]
        if kind == "console"
        else [[sys.executable, "-c", text]]
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    printed = ""
    for command in commands:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command[-1], done.stderr[-2000:])
        printed += done.stdout
    return printed


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a dozen processes, each of which imports TensorFlow
def test_every_block_of_the_tutorial_does_what_it_says(tmp_path):
    for n, image in enumerate(PHOTOS):  # the first half shows one photograph, the rest the other
        path = tmp_path / "photos" / ("china" if n < len(PHOTOS) / 2 else "flower") / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    (tmp_path / "photos" / "flower" / "1.jpg").write_bytes(PHOTOS[-1])
    blocks = BLOCK.findall(TUTORIAL.read_text())
    assert {kind for kind, _ in blocks} == {"console", "python", "yaml"}
    printed = [run(tmp_path, kind, text) for kind, text in blocks]
    report = (tmp_path / "runs" / "first" / "report.html").read_text()
    assert "as stored" in report
    assert printed[-1].startswith("consistent: serving/1 against runs/first")
    assert "Consistent: serving/1 transforms raw records as this run did" in report
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    right, of = re.search(r"(\d+) of (\d+) photos", printed[-2]).groups()
    assert int(of) == len(PHOTOS) + 1
    assert int(right) > 0.75 * int(of)  # guessing gives half; this small model got 27 of 31
