import pytest
import tensorflow as tf

from pixelbake.errors import BadRecordsError
from pixelbake.intake.reasons import Reason
from pixelbake.intake.tfrecord import frame_record
from pixelbake.job import JobConfig, Limits, read_manifest, read_quarantine, run_job
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Recipe
from tests.job.inputs import DIGITS, PHOTOS, example, files_in, kinds_of, records_in, write

RECIPE = Recipe(layers=[Brightness(1.2)], passthrough={"label": "int64"})
ANY = Limits(max_bad_fraction=1.0)


def photo(n, image=None):
    return example(image=PHOTOS[n] if image is None else image, label=n)


GOOD = [photo(n) for n in range(30)]
CORRUPT = photo(7, PHOTOS[7][:900])
WITH_ONE_CORRUPT = [*GOOD[:7], CORRUPT, *GOOD[8:]]


def offset_of(index, records):
    return sum(len(frame_record(data)) for data in records[:index])


def job(folder, limits=ANY, recipe=RECIPE, **splits):
    """A job over one shard a split, or several: `train=[records, records]`."""
    inputs = {}
    for split, shards in splits.items():
        for n, records in enumerate(shards):
            write(folder / "in" / f"{split}-{n}", records)
        inputs[split] = f"{folder}/in/{split}-*"
    return JobConfig(input=inputs, output=str(folder / "run"), recipe=recipe, limits=limits)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def corrupt_run(tmp_path_factory):
    """A run over two shards, of which the second has one corrupt JPEG among thirty."""
    folder = tmp_path_factory.mktemp("corrupt")
    run_job(job(folder, Limits(max_bad_fraction=0.05), train=[GOOD[:3], WITH_ONE_CORRUPT]))
    return folder


def test_one_corrupt_jpeg_among_many_is_quarantined_with_all_that_is_known_of_it(corrupt_run):
    (item,) = read_quarantine(f"{corrupt_run}/run", "train")
    assert item.data == CORRUPT
    assert item.file == f"{corrupt_run}/in/train-1"
    assert (item.index, item.offset) == (7, offset_of(7, WITH_ONE_CORRUPT))
    assert item.reason is Reason.DECODE_FAILED
    with open(item.file, "rb") as file:
        file.seek(item.offset)
        assert file.read(len(frame_record(CORRUPT))) == frame_record(CORRUPT)


def test_all_records_beside_a_corrupt_one_are_written_in_order(corrupt_run):
    _, path = read_manifest(f"{corrupt_run}/run").paths(f"{corrupt_run}/run", "train")
    kept = [kinds_of(data) for data in GOOD[:7] + GOOD[8:]]
    assert [kinds_of(data) for data in records_in(path)] == kept


def test_the_manifest_counts_a_corrupt_record_where_it_was(corrupt_run):
    manifest = read_manifest(f"{corrupt_run}/run")
    assert [(s.read, s.written, s.quarantined) for s in manifest.shards] == [(3, 3, 0), (30, 29, 1)]
    assert manifest.splits["train"].reasons == {"decode_failed": 1}


def test_only_a_shard_with_bad_records_has_a_quarantine_file(corrupt_run):
    assert list(files_in(corrupt_run / "run" / "quarantine")) == [
        "Split-train/transformed_examples-00001-of-00002.tfrecord"
    ]


def test_bad_records_of_every_kind_are_quarantined_and_counted_each_by_itself(tmp_path):
    broken = frame_record(GOOD[5])
    records = [
        GOOD[0],
        b"\xff\xff\xff",
        example(image=PHOTOS[1]),
        example(image=PHOTOS[1], label=1.0),
        example(image=[PHOTOS[1], PHOTOS[2]], label=1),
        photo(2, b""),
        photo(2, b"GIF89a"),
        photo(2, tf.io.encode_png(tf.zeros((4, 200, 3), tf.uint8)).numpy()),
        GOOD[3],
        CORRUPT,
        GOOD[4],
    ]
    recipe = Recipe(layers=[GaussianBlur(9, 3.0)], passthrough={"label": "int64"})
    config = job(tmp_path, recipe=recipe, train=[records])
    with open(tmp_path / "in" / "train-0", "ab") as file:
        file.write(broken[:500] + bytes([broken[500] ^ 1]) + broken[501:] + frame_record(GOOD[6]))
    counts = run_job(config).splits["train"]
    assert (counts.read, counts.written, counts.quarantined) == (13, 4, 9)
    items = list(read_quarantine(config.output, "train"))
    assert {item.index: item.reason.value for item in items} == {
        1: "not_an_example",
        2: "feature_missing",
        3: "feature_type",
        4: "feature_count",
        5: "image_empty",
        6: "format_not_allowed",
        7: "transform_failed",
        9: "decode_failed",
        11: "record_crc",
    }
    assert counts.reasons == {item.reason.value: 1 for item in items}
    assert {item.index: item.data for item in items if item.index < 11} == {
        n: records[n] for n in (1, 2, 3, 4, 5, 6, 7, 9)
    }


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(max_bad_records=0, max_bad_fraction=1.0), "max_bad_records is 0"),
        (Limits(max_bad_fraction=0.0), "max_bad_fraction is 0"),
        (Limits(max_bad_fraction=0.03), "split 'train': 1 of 30 records were quarantined"),
        (Limits(), r"1 of 30 records were quarantined \(1 decode_failed\)"),
    ],
    ids=["records", "no fraction", "fraction", "default"],
)
def test_more_bad_records_than_a_limit_allows_fail_the_job(tmp_path, limits, message):
    with pytest.raises(BadRecordsError, match=message):
        run_job(job(tmp_path, limits, train=[WITH_ONE_CORRUPT]))


@pytest.mark.parametrize(
    "limits",
    [Limits(max_bad_records=1, max_bad_fraction=1.0), Limits(max_bad_fraction=1 / 30)],
    ids=["records", "fraction"],
)
def test_as_many_bad_records_as_a_limit_allows_do_not_fail_the_job(tmp_path, limits):
    manifest = run_job(job(tmp_path, limits, train=[WITH_ONE_CORRUPT]))
    assert manifest.splits["train"].quarantined == 1


def test_the_number_of_bad_records_is_limited_over_all_splits(tmp_path):
    limits = Limits(max_bad_records=1, max_bad_fraction=1.0)
    with pytest.raises(BadRecordsError, match="2 of 6 records"):
        run_job(job(tmp_path, limits, a=[[*GOOD[:2], CORRUPT]], b=[[*GOOD[:2], CORRUPT]]))


def test_the_fraction_of_bad_records_is_limited_in_each_split(tmp_path):
    limits = Limits(max_bad_fraction=0.1)
    with pytest.raises(BadRecordsError, match="split 'eval': 1 of 3 records"):
        run_job(job(tmp_path, limits, train=[GOOD], eval=[[*GOOD[:2], CORRUPT]]))


def test_the_limits_of_the_recipe_s_images_are_those_of_the_job(tmp_path):
    limits = Limits(max_bad_fraction=1.0, max_image_pixels=32 * 32)
    config = job(tmp_path, limits, train=[[photo(0), photo(1, DIGITS[0])]])
    assert run_job(config).splits["train"].reasons == {"too_many_pixels": 1}
    limits = Limits(max_bad_fraction=1.0, max_image_bytes=len(PHOTOS[0]) - 1)
    config = job(tmp_path, limits, train=[[photo(0), photo(1, DIGITS[0])]])
    assert run_job(config).splits["train"].reasons == {"too_many_bytes": 1}


@pytest.fixture
def failed(tmp_path):
    """A run that succeeded, and after it one into the same folder that failed."""
    run_job(job(tmp_path, train=[GOOD[:2]]))
    before = files_in(tmp_path / "run")
    with pytest.raises(BadRecordsError, match=f"The quarantine is kept in {tmp_path}/run.failed"):
        run_job(job(tmp_path, Limits(), train=[WITH_ONE_CORRUPT]))
    return tmp_path, before


def test_a_failed_run_publishes_nothing_and_keeps_the_old_run(failed):
    folder, before = failed
    assert files_in(folder / "run") == before
    assert names_in(folder) == ["in", "run", "run.failed"]


def test_a_failed_run_keeps_its_quarantine_and_nothing_else(failed):
    folder, _ = failed
    assert names_in(folder / "run.failed") == ["quarantine"]
    (item,) = read_quarantine(f"{folder}/run.failed", "train")
    assert (item.data, item.index) == (CORRUPT, 7)


def test_a_later_run_that_succeeds_removes_the_failed_ones_quarantine(failed):
    folder, _ = failed
    run_job(job(folder, train=[GOOD[:1]]))
    assert names_in(folder) == ["in", "run"]
