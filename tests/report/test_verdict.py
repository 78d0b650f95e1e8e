"""What `pixelbake verify` leaves beside a run, and how the run's page shows it."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from pixelbake.errors import OutputError
from pixelbake.job import JobConfig, read_manifest, run_job
from pixelbake.recipe import Recipe
from pixelbake.report import keep_verdict, report_run
from pixelbake.report.verdict import read_verdict
from pixelbake.verify import Verification
from pixelbake.verify.picture import write_difference
from pixelbake.verify.pixel_difference import Bound, PixelDifference
from pixelbake.verify.verification import PredictionDifference, WorstRecord
from tests.job.inputs import PHOTOS, example, pixels_of
from tests.job.object_store import ObjectStore
from tests.job.test_remote_run import put
from tests.report.test_report import Page

GOOD = Verification(
    run="run",
    serving_model="serving/1",
    records=9,
    of=12,
    skewed=0,
    pixels=PixelDifference(values=900),
    bound=Bound(),
    predictions=(
        PredictionDifference(
            signature="serving_default", output="outputs", largest=3e-7, bound=1e-5
        ),
    ),
)
NOWHERE = "No exported model has been held against this run yet"


@pytest.fixture
def run(reported, tmp_path):
    return shutil.copytree(reported, tmp_path / "copy")


@pytest.fixture
def skew(tmp_path):
    """A verdict of skew, with the picture that belongs to it."""
    photo = pixels_of(PHOTOS[0])
    write_difference(str(tmp_path / "skew.png"), photo, photo // 2, (0, 1))
    worst = WorstRecord(
        split="train",
        file="in/<b>train",
        index=4,
        offset=99,
        pixels=PixelDifference(largest=128.0, differing=90, values=100),
        stage="layers[0]",
        picture=str(tmp_path / "skew.png"),
    )
    return GOOD.model_copy(
        update={
            "serving_model": "<b>m</b>",
            "skewed": 2,
            "pixels": worst.pixels,
            "recipe_differences": ("layers[0].config.factor: 1.2 in the run, 1.3 in the export",),
            "worst": worst,
        }
    )


def kept(run, found):
    """Keeps a verdict and writes the page anew, as the command does."""
    keep_verdict(str(run), read_manifest(str(run)), found)
    report_run(str(run))
    return Page((run / "report.html").read_text())


def test_a_good_verdict_stands_on_the_run_s_page(run):
    assert NOWHERE in Page((run / "report.html").read_text()).text
    page = kept(run, GOOD)
    assert NOWHERE not in page.text
    assert "Consistent: serving/1 transforms raw records as this run did" in page.text
    assert "9 of 12 records were sent raw" in page.text
    assert "equal, bit for bit (900 values)" in page.text
    assert "3e-07 apart at most (1e-05 allowed)" in page.text


def test_skew_is_shown_with_the_worst_record_and_its_picture(run, skew):
    page = kept(run, skew)
    assert "Skew: <b>m</b> does not do" in page.text
    assert "in/<b>train, record 4 at byte 99 (split train)" in page.text
    assert "layers[0].config.factor: 1.2 in the run, 1.3 in the export" in page.text
    assert "layers[0]" in page.text
    pictures = [p for p in page.all("img") if p["alt"].startswith("The record that differs most")]
    assert [p["src"][:22] for p in pictures] == ["data:image/png;base64,"]


def test_what_is_kept_reads_back_and_a_later_verdict_replaces_it_with_its_picture(run, skew):
    kept(run, skew)
    verdict = read_verdict(str(run))
    assert verdict.verification == skew.with_picture("verification.png")
    with Image.open(io.BytesIO(verdict.picture)) as picture:
        assert np.ptp(np.asarray(picture)) > 0
    page = kept(run, GOOD)
    assert read_verdict(str(run)).verification == GOOD
    assert not (run / "verification.png").exists()
    assert "Consistent" in page.text


def test_a_verdict_on_a_run_that_was_replaced_meanwhile_is_not_put_beside_the_new_one(run):
    before = read_manifest(str(run)).model_copy(update={"fingerprint": "another"})
    with pytest.raises(OutputError, match="was replaced by another run"):
        keep_verdict(str(run), before, GOOD)
    assert read_verdict(str(run)) is None


@pytest.mark.parametrize("text", ["", "[]", '{"consistent": true}', '{"serving_model": 3}'])
def test_a_verdict_that_cannot_be_read_is_no_reason_to_have_no_page(run, text):
    (run / "verification.json").write_text(text)
    report_run(str(run))
    assert NOWHERE in Page((run / "report.html").read_text()).text


def test_a_folder_that_cannot_be_written_is_said_to_be_one(run):
    (run / "verification.json").mkdir()  # root may write whatever is read-only
    with pytest.raises(OutputError, match=r"copy can't be written: "):
        keep_verdict(str(run), read_manifest(str(run)), GOOD)


def test_beside_a_run_in_an_object_store_it_lies_in_the_run_s_own_folder_and_goes_with_it(
    tmp_path, skew
):
    (tmp_path / "objects").mkdir()
    store = ObjectStore.empty(tmp_path / "objects")
    put(store, "objects://in/a", [example(image=PHOTOS[0])], tmp_path)
    config = JobConfig(input={"all": "objects://in/*"}, output="objects://o/run", recipe=Recipe())
    manifest = run_job(config)
    keep_verdict("objects://o/run", manifest, skew)
    report_run("objects://o/run")
    files = f"objects://o/run/{manifest.folder}"
    assert {f"{files}/verification.json", f"{files}/verification.png"} < set(store.objects())
    assert "Skew: " in Page(store.objects()[f"{files}/report.html"].decode()).text
    run_job(config)
    assert not [name for name in store.objects() if "verification" in name]
