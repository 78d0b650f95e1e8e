"""The same job on Beam's other ways of running it gives the same records."""

import pytest

from pixelbake.errors import TransformError
from pixelbake.job import JobConfig, Limits, read_quarantine, run_job
from pixelbake.layers import GaussianBlur
from pixelbake.recipe import Recipe
from tests.job.inputs import PHOTOS, example, records_in, write

pytestmark = pytest.mark.slow

PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
FLAGS = {
    "FnApiRunner": ["--runner=FnApiRunner"],
    "DirectRunner": ["--runner=DirectRunner"],
    "two threads": ["--direct_running_mode=multi_threading", "--direct_num_workers=2"],
    "two processes": PROCESSES,
    "two processes by name": ["--runner=FnApiRunner", *PROCESSES],
}


@pytest.mark.parametrize("flags", FLAGS)
def test_the_records_and_the_books_are_those_of_the_default(finished, tmp_path, flags):
    config = finished.config.model_copy(update={"output": str(tmp_path / "run")})
    manifest = run_job(config, FLAGS[flags])
    assert manifest == finished.manifest
    for split in manifest.splits:
        before, after = (
            [set(records_in(path)) for path in manifest.paths(str(run), split)]
            for run in (finished.folder, tmp_path / "run")
        )
        assert after == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture
def photos(tmp_path):
    records = [example(image=image) for image in [*PHOTOS[:3], PHOTOS[3][:900]]]
    for n in range(2):
        write(tmp_path / "in" / f"photos-{n}", records)
    return tmp_path


def job(folder, recipe):
    return JobConfig(
        input={"all": f"{folder}/in/photos-*"},
        output=f"{folder}/run",
        recipe=recipe,
        limits=Limits(max_bad_fraction=1.0),
    )


def test_bad_records_are_quarantined_by_worker_processes_too(photos):
    manifest = run_job(job(photos, Recipe()), PROCESSES)
    assert manifest.splits["all"].reasons == {"decode_failed": 2}
    items = list(read_quarantine(f"{photos}/run", "all"))
    assert [(item.file, item.index) for item in items] == [
        (f"{photos}/in/photos-{n}", 3) for n in range(2)
    ]


def test_a_graph_that_fails_in_worker_processes_is_reported_as_in_this_one(photos):
    with pytest.raises(TransformError, match="fails on a good 256 x 256 PNG"):
        run_job(job(photos, Recipe(layers=[GaussianBlur(601, 100.0)])), PROCESSES)
    assert [path.name for path in photos.iterdir()] == ["in"]
