"""The command, in processes of its own: verdict, exit code, JSON, picture."""

import json
import shutil

import pytest

from tests.cli.command import call
from tests.verify.exports import RECIPE, SKEWS, export, make_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, the export of it, and one that skews."""
    folder = tmp_path_factory.mktemp("command")
    run = make_run(folder, RECIPE)
    export(run, folder / "good")
    export(run, folder / "bad", SKEWS["a factor changed after training"].make(None))
    return folder


@pytest.mark.slow
def test_no_skew_exits_with_0(folder):
    done = call("verify", "run", "--serving-model", "good/model", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("consistent: good/model against run, 14 of 14 records\n")
    assert "3 golden Examples: equal, bit for bit" in done.stdout
    assert not (folder / "skew.png").exists()
    assert "Consistent: good/model" in (folder / "run" / "report.html").read_text()


@pytest.mark.slow
def test_skew_exits_with_1_and_shows_where_it_begins(folder):
    command = ["verify", "run", "--serving-model", "bad/model", "--sample", "3", "--json"]
    done = call(*command, "--picture", "bad.png", folder=folder)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert (found["consistent"], found["records"]) == (False, 3)
    assert found["worst"]["stage"] == "layers[0]"
    assert found["worst"]["picture"] == "bad.png"
    assert (folder / "bad.png").exists()
    assert json.loads((folder / "run" / "verification.json").read_text())["skewed"] == 3
    page = (folder / "run" / "report.html").read_text()
    assert "Skew: bad/model" in page
    assert "The record that differs most" in page


@pytest.mark.slow
def test_a_verdict_that_cannot_be_kept_stands_all_the_same(folder):
    copy = shutil.copytree(folder / "run", folder / "sealed")
    (copy / "verification.json").unlink(missing_ok=True)
    (copy / "verification.json").mkdir()  # root may write whatever is read-only
    done = call("verify", "sealed", "--serving-model", "good/model", folder=folder)
    assert done.returncode == 0
    assert done.stdout.startswith("consistent: ")
    assert "pixelbake: the verdict is not in the run's report: sealed can't be" in done.stderr


@pytest.mark.slow
def test_without_a_run_the_golden_examples_are_run(folder):
    done = call("verify", "--serving-model", "bad/model", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("consistent: bad/model, 3 golden Examples: equal, bit for bit")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["verify", "run"], "Missing option '--serving-model'"),
        (["verify", "run", "--serving-model", "m", "--sample", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_call_exits_with_2(args, message):
    done = call(*args)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.slow
def test_a_folder_that_is_no_export_exits_with_2(folder):
    done = call("verify", "run", "--serving-model", "in", folder=folder)
    assert done.returncode == 2
    assert done.stderr == "pixelbake: in is no SavedModel: it has no saved_model.pb.\n"
