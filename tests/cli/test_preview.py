"""`pixelbake preview`, called in this process."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pixelbake.cli.preview import preview
from pixelbake.errors import InputError
from tests.job.inputs import PHOTOS, example, write
from tests.job.object_store import ObjectStore

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


def test_without_a_pick_the_first_record_that_the_job_takes_is_drawn(folder):
    bad = [example(image=b"GIF89a"), example(image=PHOTOS[1])]
    write(folder / "in" / "mixed", bad)
    np.testing.assert_array_equal(sheet("in/mixed"), sheet("in/mixed", "--record", "1"))
    write(folder / "in" / "bad", bad[:1])
    with pytest.raises(InputError, match=r"in/bad, record 0: .*the format is GIF"):
        sheet("in/bad")


def test_records_can_be_picked(folder):
    two = sheet("in/train-0", "--record", "0", "--record", "2")
    one = sheet("in/train-0", "--record", "2")
    np.testing.assert_array_equal(two[-230:], one[-230:])
    assert len(two) > 1.9 * len(one)


def test_without_inputs_each_split_is_looked_at(folder):
    assert len(sheet()) > 1.9 * len(sheet("photo.jpg"))


def test_patterns_name_what_they_match_in_its_order(folder):
    (folder / "a[1].jpg").write_bytes(PHOTOS[1])  # a name, whatever signs are in it
    both = sheet("*.jpg")
    np.testing.assert_array_equal(both, sheet("a[1].jpg", "photo.jpg"))


def test_photos_and_records_in_an_object_store_are_drawn_as_local_ones(folder):
    (folder / "objects").mkdir()
    store = ObjectStore.empty(folder / "objects")
    store.put("objects://b/photo.jpg", PHOTOS[0])
    store.put("objects://b/train-0", (folder / "in" / "train-0").read_bytes())
    local = sheet("photo.jpg", "in/train-0")
    np.testing.assert_array_equal(sheet("objects://b/photo.jpg", "objects://b/train-*"), local)
    job = folder / "job.yaml"
    job.write_text(job.read_text().replace("in/train-*, eval: in/eval-*", "objects://b/train-*"))
    np.testing.assert_array_equal(sheet()[-230:], local[-230:])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.jpg"], "no file matches 'none.jpg'"),
        (["in/no-*"], r"no file matches 'in/no-\*'"),
        (["nowhere://b/x"], "nowhere://b/x can't be looked up: Unable to get filesystem"),
        (["in/train-0", "--record", "9"], "in/train-0 has no record 9"),
        (["job.yaml"], "job.yaml, record 0: a record's length does not match"),
    ],
)
def test_what_cannot_be_shown_is_named(folder, args, message):
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(preview, ["job.yaml", *args], catch_exceptions=False)
