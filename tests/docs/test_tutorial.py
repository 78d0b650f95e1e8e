"""The tutorial, block by block, as a reader would run it."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import blocks, commands_in, type_in
from tests.job.inputs import PHOTOS


def run(folder: Path, kind: str, text: str) -> str:
    """Runs a block in the reader's folder and returns what it printed."""
    if kind == "yaml":
        name = text.split("\n", 1)[0].removeprefix("# ")
        (folder / name).write_text(text)
        return ""
    if kind == "python":
        return type_in(folder, shlex.join([sys.executable, "-c", text]))
    return "".join(type_in(folder, command) for command in commands_in(text))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a dozen processes, each of which imports TensorFlow
def test_every_block_of_the_tutorial_does_what_it_says(tmp_path):
    for n, image in enumerate(PHOTOS):  # the first half shows one photograph, the rest the other
        path = tmp_path / "photos" / ("china" if n < len(PHOTOS) / 2 else "flower") / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    (tmp_path / "photos" / "flower" / "1.jpg").write_bytes(PHOTOS[-1])
    found = blocks("docs/tutorial/README.md")
    assert {kind for kind, _ in found} == {"console", "python", "yaml"}
    printed = [run(tmp_path, kind, text) for kind, text in found]
    report = (tmp_path / "runs" / "first" / "report.html").read_text()
    assert "as stored" in report
    assert printed[-1].startswith("consistent: serving/1 against runs/first")
    assert "Consistent: serving/1 transforms raw records as this run did" in report
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    right, of = re.search(r"(\d+) of (\d+) photos", printed[-2]).groups()
    assert int(of) == len(PHOTOS) + 1
    assert int(right) > 0.75 * int(of)  # guessing gives half; this small model got 27 of 31
