"""`pixelbake inspect` of what a run that failed leaves behind, and of a quarantine."""

import json

import pytest
from click.testing import CliRunner

from pixelbake.cli.inspect import inspect
from pixelbake.errors import BadRecordsError, InputError
from pixelbake.job import JobConfig, run_job
from pixelbake.layers import Brightness
from pixelbake.recipe import Recipe
from tests.job.inputs import PHOTOS, example, write

RECIPE = Recipe(layers=[Brightness(1.2)])
BAD = [b"no Example", example(image=b"GIF89a"), example(image=PHOTOS[0][:700])]


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """The folder around a run that failed by its limits, and what was said."""
    folder = tmp_path_factory.mktemp("failed")
    good = [example(image=image) for image in PHOTOS[:2]]
    write(folder / "in" / "train-0", [good[0], *BAD, BAD[1]])
    write(folder / "in" / "eval-0", [*good, BAD[1]])
    config = JobConfig(
        input={split: f"{folder}/in/{split}-*" for split in ("train", "eval")},
        output=f"{folder}/run",
        recipe=RECIPE,
    )
    with pytest.raises(BadRecordsError):
        run_job(config)
    return folder


def said(*args) -> str:
    done = CliRunner().invoke(inspect, [str(arg) for arg in args], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_failed_run_shows_each_reason_with_the_first_record_that_has_it(failed):
    lines = said(failed / "run.failed").splitlines()
    assert lines[0] == "2 files of quarantined records, the first 5 records"
    assert lines[1::2] == ["  format_not_allowed: 3", "  not_an_example: 1", "  decode_failed: 1"]
    assert lines[2].startswith(f"    {failed}/in/eval-0, record 2: ")
    assert lines[4].startswith(f"    {failed}/in/train-0, record 1: ")
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("part", "records"),
    [
        ("quarantine", 5),
        ("quarantine/Split-train", 4),
        ("quarantine/Split-eval/*", 1),
        ("quarantine/Split-*/*.tfrecord", 5),
    ],
)
def test_a_part_of_a_quarantine_is_known_by_what_it_holds(failed, part, records):
    found = json.loads(said(f"{failed}/run.failed/{part}", "--json"))
    assert found["records"] == records
    first = found["quarantined"]["format_not_allowed"]["first"]
    assert (first["file"].startswith(f"{failed}/in/"), first["index"]) == (True, 2)
    assert first["message"]


def test_quarantine_files_may_be_named_one_by_one(failed):
    files = sorted((failed / "run.failed" / "quarantine").glob("*/*"))
    assert said(*files) == said(failed / "run.failed")


def test_with_other_files_beside_it_a_quarantine_file_is_told_as_a_tfrecord_file(failed):
    (file,) = (failed / "run.failed" / "quarantine" / "Split-eval").glob("*")
    lines = said(file, failed / "in" / "eval-0").splitlines()
    assert lines[0] == "2 files, the first 4 records"


def test_a_run_that_is_not_there_leads_to_what_its_failure_left(failed):
    with pytest.raises(InputError, match=rf"`pixelbake inspect {failed}/run.failed` shows"):
        said(f"{failed}/run")


def test_a_failed_run_without_a_quarantine_says_what_to_do(tmp_path):
    write(tmp_path / "in", [example(image=PHOTOS[0])])
    config = JobConfig(
        input={"train": f"{tmp_path}/in"},
        output=f"{tmp_path}/run",
        recipe=RECIPE,
        expected_records={"train": 2},
    )
    with pytest.raises(BadRecordsError, match="expected_records"):
        run_job(config)
    with pytest.raises(InputError, match="quarantined nothing; its message said why"):
        said(f"{tmp_path}/run.failed")


def test_a_runs_own_shards_are_no_quarantine(failed, tmp_path):
    config = JobConfig(
        input={"train": f"{failed}/in/eval-*"},
        output=f"{tmp_path}/run",
        recipe=RECIPE,
        limits={"max_bad_fraction": 0.5},
    )
    run_job(config)
    with pytest.raises(InputError, match="is a folder"):
        said(f"{tmp_path}/run/examples")
    assert "images: 2 PNG" in said(f"{tmp_path}/run/examples/Split-train/*")
