"""A damaged, missing or misnamed file: found, named, and stepped over or failed, never silent."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest

from pixelbake.errors import BadRecordsError, InputError, OutputError, TransformError
from pixelbake.intake.reasons import Reason
from pixelbake.intake.tfrecord import frame_record, masked_crc
from pixelbake.job import Limits, run_job
from pixelbake.layers import GaussianBlur
from pixelbake.recipe import Recipe
from tests.faults.shards import (
    ANY,
    FAULTY_RECORD,
    FAULTY_SHARD,
    PER_SHARD,
    RECORDS,
    SHARDS,
    config_for,
    damage,
    path_of,
    run,
    shard_records,
    write_shards,
)

DAMAGE_ALLOWED = Limits(max_bad_fraction=1.0, allow_damaged_files=True)
OFFSETS = [
    sum(len(frame_record(r)) for r in shard_records(FAULTY_SHARD)[:n]) for n in range(PER_SHARD + 1)
]
AT = OFFSETS[FAULTY_RECORD]


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def huge_length(data: bytes) -> bytes:
    length = struct.pack("<Q", 2**40)
    header = length + struct.pack("<I", masked_crc(length))
    return data[:AT] + header + data[AT + 12 :]


def gzip_cut_between_records(data: bytes) -> bytes:
    """All bytes of the first records, and the gzip stream ends there without its end mark."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data[:AT]) + packer.flush(zlib.Z_SYNC_FLUSH)


def labels_without(first: int, last: int) -> list[int]:
    start = FAULTY_SHARD * PER_SHARD
    return [n for n in range(RECORDS) if not start + first <= n < start + last]


@pytest.mark.fault("data checksum wrong", "that record quarantined, the file read on")
def test_a_flipped_bit_in_a_record_costs_that_record_only(tmp_path):
    folder = write_shards(tmp_path / "in")
    damage(folder, lambda data: flip(data, AT + 40))
    outcome = run(folder)
    assert outcome.reasons == {"record_crc": 1}
    assert outcome.quarantine[0].index == FAULTY_RECORD
    assert outcome.labels == labels_without(FAULTY_RECORD, FAULTY_RECORD + 1)


FILE_FAULTS = {
    "length checksum wrong": (lambda d: flip(d, AT + 2), Reason.LENGTH_CRC, FAULTY_RECORD),
    "length of 2⁴⁰ with a right checksum": (huge_length, Reason.LENGTH_TOO_LARGE, FAULTY_RECORD),
    "file cut inside a record": (lambda d: d[: AT + 30], Reason.FILE_TRUNCATED, FAULTY_RECORD),
    "fewer than 12 bytes after the last record": (
        lambda d: d + b"\0" * 7,
        Reason.FILE_TRUNCATED,
        PER_SHARD,
    ),
    "junk after the last record": (lambda d: d + b"junk" * 20, Reason.LENGTH_CRC, PER_SHARD),
    "a file of garbage": (lambda d: b"garbage!" * 400, Reason.LENGTH_CRC, 0),
    "gzip cut between records": (gzip_cut_between_records, Reason.GZIP_DAMAGED, FAULTY_RECORD),
    "gzip cut anywhere": (
        lambda d: gzip.compress(d)[: len(gzip.compress(d)) * 2 // 3],
        Reason.GZIP_DAMAGED,
        None,
    ),
    "gzip without its trailer": (lambda d: gzip.compress(d)[:-8], Reason.GZIP_DAMAGED, PER_SHARD),
}


@pytest.mark.fault("{name}", "the job fails, naming the file; if allowed, the rest is kept")
@pytest.mark.parametrize("name", FILE_FAULTS)
def test_a_damaged_file_fails_the_job_unless_that_is_allowed(tmp_path, name):
    change, reason, kept = FILE_FAULTS[name]
    folder = write_shards(tmp_path / "in")
    path = damage(folder, change)
    with pytest.raises(BadRecordsError, match=reason.value) as caught:
        run_job(config_for(folder))
    assert str(path) in str(caught.value)
    assert not (tmp_path / "run").exists()

    outcome = run(folder, DAMAGE_ALLOWED)
    assert outcome.reasons == {reason.value: 1}
    assert outcome.quarantine[0].file == str(path)
    if kept is None:
        kept = outcome.quarantine[0].index
        assert 0 < kept < PER_SHARD
    assert outcome.labels == labels_without(kept, PER_SHARD)


@pytest.mark.fault("gzip without .gz, plain with .gz", "read by what it is, not by its name")
def test_a_file_is_read_by_what_it_is_whatever_its_name_says(tmp_path):
    folder = write_shards(tmp_path / "in", packed=True)
    plain = path_of(folder, 0)
    plain.unlink()
    for shard in range(4):
        data = b"".join(map(frame_record, shard_records(shard)))
        if shard == 0:
            plain.with_name(plain.name + ".gz").write_bytes(data)
    outcome = run(folder)
    assert outcome.labels == list(range(RECORDS))


@pytest.mark.fault("plain file cut exactly between records", "found by `expected_records`")
def test_a_plain_file_cut_between_records_is_found_by_the_expected_count(tmp_path):
    folder = write_shards(tmp_path / "in")
    damage(folder, lambda data: data[:AT])
    with pytest.raises(BadRecordsError, match=r"has 27 records; expected_records says 32"):
        run_job(config_for(folder, expected_records={"train": RECORDS}))
    assert not (tmp_path / "run").exists()


@pytest.mark.fault("the same, the night after", "found by `expected_records_of` the run before")
def test_a_plain_file_cut_between_records_is_found_by_what_an_earlier_run_read(tmp_path):
    folder = write_shards(tmp_path / "in")
    config = config_for(folder, expected_records_of=str(tmp_path / "run"))
    with pytest.raises(InputError, match=r"expected_records_of: .* does not exist"):
        run_job(config)
    run(folder)
    before = (tmp_path / "run" / "manifest.json").read_bytes()
    damage(folder, lambda data: data[:AT])
    with pytest.raises(BadRecordsError, match=r"has 27 records; expected_records says 32"):
        run_job(config)
    assert (tmp_path / "run" / "manifest.json").read_bytes() == before
    other = config.model_copy(update={"input": {"other": f"{folder}/train-*"}})
    with pytest.raises(InputError, match=r"has the splits train\. Received: split 'other'"):
        run_job(other)


@pytest.mark.fault("zero-byte shard", "refused before the job starts")
def test_an_empty_shard_is_refused_before_the_job_starts(tmp_path):
    folder = write_shards(tmp_path / "in")
    path = damage(folder, lambda data: b"")
    with pytest.raises(InputError, match=path.name):
        run_job(config_for(folder))
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.fault("missing shard of an `-of-N` set", "refused before the job starts")
def test_a_missing_shard_is_refused_before_the_job_starts(tmp_path):
    folder = write_shards(tmp_path / "in")
    path_of(folder, FAULTY_SHARD).unlink()
    with pytest.raises(InputError, match=r"1 of 4 shards .* are missing: 00001"):
        run_job(config_for(folder))
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.fault("pattern that matches nothing", "refused, nothing created")
def test_a_pattern_that_matches_nothing_is_refused_and_creates_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no file matches"):
        run_job(config_for(tmp_path / "in"))
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.fault("output is a file", "refused before any work")
def test_an_output_that_is_a_file_is_refused_and_kept(tmp_path):
    folder = write_shards(tmp_path / "in")
    (tmp_path / "run").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        run_job(config_for(folder))
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.fault("more bad records than allowed", "nothing published, the quarantine is kept")
def test_too_many_bad_records_publish_nothing_and_keep_the_quarantine(tmp_path):
    folder = write_shards(tmp_path / "in")
    damage(folder, lambda data: flip(data, AT + 40))
    run(folder)
    before = (tmp_path / "run" / "manifest.json").read_bytes()
    for limits in (Limits(max_bad_fraction=0.01), ANY.model_copy(update={"max_bad_records": 0})):
        with pytest.raises(BadRecordsError, match="1 of 32 records"):
            run_job(config_for(folder, limits))
        assert (tmp_path / "run" / "manifest.json").read_bytes() == before
        assert list((tmp_path / "run.failed" / "quarantine").rglob("*.tfrecord"))


@pytest.mark.fault("output that can't be written", "refused before any work")
def test_an_output_that_can_not_be_written_is_refused(tmp_path):
    folder = write_shards(tmp_path / "in")
    config = config_for(folder).model_copy(update={"output": "/proc/pixelbake/run"})
    with pytest.raises(OutputError, match="can't be written"):
        run_job(config)


@pytest.mark.fault(
    "rerun into the same folder", "replaced as a whole: no shard of the old run left"
)
def test_a_rerun_replaces_shards_of_another_number(tmp_path):
    folder = write_shards(tmp_path / "in")
    run(folder)
    for shard in range(SHARDS):
        path_of(folder, shard).unlink()
    (folder / "train-all").write_bytes(b"".join(map(frame_record, shard_records(0))))
    outcome = run(folder)
    assert outcome.labels == list(range(PER_SHARD))
    assert len(list((tmp_path / "run").rglob("transformed_examples-*"))) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "run"]


@pytest.mark.fault("recipe whose graph fails on good images", "refused, nothing quarantined")
def test_a_graph_that_fails_is_no_fault_of_the_data(tmp_path):
    folder = write_shards(tmp_path / "in")
    recipe = Recipe(layers=[GaussianBlur(601, 100.0)])
    config = config_for(folder).model_copy(update={"recipe": recipe})
    with pytest.raises(TransformError, match="fails on a good 256 x 256 PNG"):
        run_job(config)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
