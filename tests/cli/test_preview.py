"""`pixelbake preview`, called in this process."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pixelbake.cli.preview import preview
from pixelbake.errors import InputError
from tests.job.inputs import PHOTOS, example, write

JOB = """\
input: {train: in/train-*, eval: in/eval-*}
output: run
recipe:
  layers: [{layer: Brightness, config: {factor: 1.2}}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "photo.jpg").write_bytes(PHOTOS[0])
    write(tmp_path / "in" / "train-0", [example(image=PHOTOS[n]) for n in range(3)])
    write(tmp_path / "in" / "eval-0", [example(image=PHOTOS[5])], packed=True)
    return tmp_path


def sheet(*args) -> np.ndarray:
    arguments = ["job.yaml", *args, "-o", "sheet.png"]
    done = CliRunner().invoke(preview, arguments, catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, "sheet.png\n")
    return np.asarray(Image.open("sheet.png"))


def test_photos_and_records_are_drawn_alike(folder):
    photo = sheet("photo.jpg")
    record = sheet("in/train-0")
    np.testing.assert_array_equal(photo[-230:], record[-230:])


def test_records_can_be_picked(folder):
    two = sheet("in/train-0", "--record", "0", "--record", "2")
    one = sheet("in/train-0", "--record", "2")
    np.testing.assert_array_equal(two[-230:], one[-230:])
    assert len(two) > 1.9 * len(one)


def test_without_inputs_each_split_is_looked_at(folder):
    assert len(sheet()) > 1.9 * len(sheet("photo.jpg"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.jpg"], "none.jpg: No such file or directory"),
        (["in/train-0", "--record", "9"], "in/train-0 has no record 9"),
        (["job.yaml"], "job.yaml, record 0: a record's length does not match"),
    ],
)
def test_what_cannot_be_shown_is_named(folder, args, message):
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(preview, ["job.yaml", *args], catch_exceptions=False)
