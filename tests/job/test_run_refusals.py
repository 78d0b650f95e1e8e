import gzip
import re

import pytest

from pixelbake.errors import BadRecordsError, InputError, OutputError, TransformError
from pixelbake.intake.reasons import Reason
from pixelbake.job import Limits, read_quarantine, run_job
from pixelbake.layers import GaussianBlur
from pixelbake.recipe import Recipe
from tests.intake.shards import flip
from tests.job.inputs import PHOTOS, example, files_in
from tests.job.test_run_bad_data import ANY, GOOD, job, names_in

#: What damages a shard of ten records of which the sixth can't be read, and why.
DAMAGES = {
    "cut inside a record": (lambda data, at: data[: at + 400], Reason.FILE_TRUNCATED),
    "cut inside a header": (lambda data, at: data[: at + 5], Reason.FILE_TRUNCATED),
    "a length that is flipped": (flip, Reason.LENGTH_CRC),
    "junk": (lambda data, at: data[:at] + bytes(range(256)), Reason.LENGTH_CRC),
}


def damaged_job(folder, damage, limits):
    config = job(folder, limits, train=[GOOD[:2], GOOD[:10]])
    path = folder / "in" / "train-1"
    data = path.read_bytes()
    path.write_bytes(damage(data, sum(16 + len(record) for record in GOOD[:5])))
    return config


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_fails_the_job_and_is_named(tmp_path, damage):
    change, reason = DAMAGES[damage]
    with pytest.raises(BadRecordsError) as caught:
        run_job(damaged_job(tmp_path, change, ANY))
    assert f"the first is {tmp_path}/in/train-1 ({reason.value})" in str(caught.value)
    assert names_in(tmp_path) == ["in", "run.failed"]
    (item,) = read_quarantine(f"{tmp_path}/run.failed", "train")
    assert (item.index, item.reason) == (5, reason)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_keeps_what_came_before_if_that_is_allowed(tmp_path, damage):
    change, reason = DAMAGES[damage]
    limits = Limits(allow_damaged_files=True, max_bad_fraction=0.0)
    config = damaged_job(tmp_path, change, limits)
    manifest = run_job(config)
    assert [shard.written for shard in manifest.shards] == [2, 5]
    assert manifest.shards[1].file_faults == (reason.value,)
    assert manifest.splits["train"].reasons == {reason.value: 1}
    assert manifest.splits["train"].quarantined == 0


def test_a_gzip_file_that_ends_early_fails_the_job(tmp_path):
    config = job(tmp_path, ANY, train=[GOOD[:4]])
    path = tmp_path / "in" / "train-0"
    path.write_bytes(gzip.compress(path.read_bytes())[:-8])
    with pytest.raises(BadRecordsError, match="gzip_damaged"):
        run_job(config)


def test_a_record_longer_than_allowed_is_damage_of_the_file(tmp_path):
    longest = max(len(record) for record in GOOD[:3])
    limits = Limits(max_bad_fraction=1.0, max_record_bytes=longest - 1)
    with pytest.raises(BadRecordsError, match="length_too_large"):
        run_job(job(tmp_path, limits, train=[GOOD[:3]]))
    limits = Limits(max_bad_fraction=0.0, max_record_bytes=longest)
    assert run_job(job(tmp_path, limits, train=[GOOD[:3]])).splits["train"].written == 3


@pytest.fixture(scope="module")
def failing_graph(tmp_path_factory):
    """A job whose graph fails on every image: its blur is wider than all of them."""
    folder = tmp_path_factory.mktemp("graph")
    run_job(job(folder, ANY, train=[GOOD[:2]]))
    before = files_in(folder / "run")
    recipe = Recipe(layers=[GaussianBlur(601, 100.0)], passthrough={"label": "int64"})
    with pytest.raises(TransformError, match="fails on a good 256 x 256 PNG") as caught:
        run_job(job(folder, ANY, recipe, train=[GOOD]))
    return folder, before, str(caught.value)


def test_a_graph_that_fails_fails_the_job_and_fills_no_quarantine(failing_graph):
    folder, before, _ = failing_graph
    assert names_in(folder) == ["in", "run"]
    assert files_in(folder / "run") == before


def test_a_graph_that_fails_is_reported_in_tensorflows_own_words(failing_graph):
    assert "is not in [0," in failing_graph[2]


def test_input_that_is_not_there_is_refused_before_anything_is_made(tmp_path):
    config = job(tmp_path, ANY, train=[GOOD[:1]])
    config = config.model_copy(update={"input": {"train": (f"{tmp_path}/none-*",)}})
    with pytest.raises(InputError, match="no file matches"):
        run_job(config)
    assert names_in(tmp_path) == ["in"]


def test_an_output_folder_with_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_bytes(b"years of work")
    with pytest.raises(OutputError, match="something other than a run"):
        run_job(job(tmp_path, ANY, train=[GOOD[:1]]))
    assert files_in(tmp_path / "run") == {"thesis.tex": b"years of work"}


def test_a_feature_that_the_recipe_names_and_no_record_has_fails_the_job_by_name(tmp_path):
    recipe = Recipe(passthrough={"weight": "float32"})
    with pytest.raises(BadRecordsError, match=r"2 of 2 records .*2 feature_missing") as caught:
        run_job(job(tmp_path, Limits(), recipe, train=[[example(image=PHOTOS[0])] * 2]))
    message = "feature 'weight' is missing; there are 'image'"
    assert re.search(rf"Its first record is /.*, record 0: {message}\.$", str(caught.value))
    items = list(read_quarantine(f"{tmp_path}/run.failed", "train"))
    assert {item.message for item in items} == {message}
