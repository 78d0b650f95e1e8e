import gzip
import struct
import tracemalloc

import pytest
import tensorflow as tf

from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.intake.tfrecord import MAX_FAULT_BYTES, Record, frame_record, read_tfrecord
from tests.intake.shards import GZIP, OFFSETS, PLAIN, RECORDS, flip, good, only_fault, read


def header(length):
    # The checksum of data that are the 8 bytes of a length is the one its header needs.
    packed = struct.pack("<Q", length)
    return packed + frame_record(packed)[-4:]


@pytest.mark.parametrize(("compression", "compress"), [("", bytes), ("GZIP", gzip.compress)])
def test_the_records_are_those_that_tensorflow_reads(tmp_path, compression, compress):
    path = str(tmp_path / "shard")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression)) as writer:
        for record in RECORDS:
            writer.write(record)
    with open(path, "rb") as stream:
        results = list(read_tfrecord(stream, path))
    expected = list(tf.data.TFRecordDataset(path, compression).as_numpy_iterator())
    assert good(results) == expected == RECORDS
    assert len(results) == len(RECORDS)


def test_tensorflow_reads_what_frame_record_writes(tmp_path):
    path = tmp_path / "shard"
    path.write_bytes(PLAIN)
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == RECORDS


def test_framing_is_byte_for_byte_that_of_tensorflow(tmp_path):
    path = tmp_path / "shard"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    assert path.read_bytes() == PLAIN


@pytest.mark.parametrize("data", [PLAIN, GZIP], ids=["plain", "gzip"])
def test_a_record_knows_its_file_number_and_unpacked_offset(data):
    results = read(data)
    assert [r.file for r in results] == ["shard-0"] * 5
    assert [r.index for r in results] == [0, 1, 2, 3, 4]
    assert [r.offset for r in results] == OFFSETS[:-1]


@pytest.mark.parametrize("at_in_record", [12, 500, -1, -4])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_damaged_data_or_data_checksum_loses_that_record_only(number, at_in_record):
    at = (OFFSETS[number] if at_in_record > 0 else OFFSETS[number + 1]) + at_in_record
    damaged = flip(PLAIN, at)
    results = read(damaged)
    assert good(results) == RECORDS[:number] + RECORDS[number + 1 :]
    fault = only_fault(results)
    assert (fault.reason, fault.index, fault.offset) == (
        Reason.RECORD_CRC,
        number,
        OFFSETS[number],
    )
    assert fault.data == damaged[OFFSETS[number] + 12 : OFFSETS[number + 1] - 4]
    assert results.index(fault) == number


@pytest.mark.parametrize("at_in_record", range(12))
def test_a_damaged_length_or_length_checksum_loses_the_rest_of_the_file(at_in_record):
    damaged = flip(PLAIN, OFFSETS[2] + at_in_record)
    results = read(damaged)
    assert good(results) == RECORDS[:2]
    assert results[-1] == only_fault(results)
    assert (results[-1].reason, results[-1].index) == (Reason.LENGTH_CRC, 2)
    assert results[-1].offset == OFFSETS[2]
    assert results[-1].data == damaged[OFFSETS[2] :][:MAX_FAULT_BYTES]


def test_the_rest_of_a_file_is_kept_up_to_64_kib():
    fault = only_fault(read(flip(PLAIN, 0) + b"x" * 10 * MAX_FAULT_BYTES))
    assert len(fault.data) == MAX_FAULT_BYTES == 65536


@pytest.mark.parametrize("length", [2**27 + 1, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_huge_length_with_a_right_checksum_is_refused_unread(length, compress):
    data = compress(PLAIN + header(length) + b"some data")
    tracemalloc.start()
    results = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20
    assert good(results) == RECORDS
    fault = only_fault(results)
    assert (fault.reason, fault.offset) == (Reason.LENGTH_TOO_LARGE, OFFSETS[-1])
    assert str(length) in fault.message
    assert fault.data == header(length) + b"some data"


def test_a_record_of_exactly_the_largest_length_is_read():
    largest = len(RECORDS[0])
    assert good(read(frame_record(RECORDS[0]), max_record_bytes=largest)) == RECORDS[:1]
    results = read(frame_record(RECORDS[0]), max_record_bytes=largest - 1)
    assert [r.reason for r in results] == [Reason.LENGTH_TOO_LARGE]


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_trailing_bytes_too_few_for_a_header_are_not_overlooked(size, compress):
    results = read(compress(PLAIN + b"\xa5" * size))
    assert good(results) == RECORDS
    fault = only_fault(results)
    assert (fault.reason, fault.data) == (Reason.FILE_TRUNCATED, b"\xa5" * size)
    assert (fault.index, fault.offset) == (5, OFFSETS[-1])


@pytest.mark.parametrize("junk", [b"\xa5" * 12, b"\0" * 12, b"\0" * 512, b"junk" * 999])
def test_longer_trailing_junk_is_a_length_that_fails_its_checksum(junk):
    results = read(PLAIN + junk)
    assert good(results) == RECORDS
    assert (only_fault(results).reason, only_fault(results).data) == (Reason.LENGTH_CRC, junk)


def test_a_file_of_garbage_is_one_fault():
    results = read(bytes(range(32, 256)) * 50)
    assert [(r.reason, r.index, r.offset) for r in results] == [(Reason.LENGTH_CRC, 0, 0)]


@pytest.mark.parametrize("cut", [1, 4, 8, 11, 12, 13, 900, -5, -4, -1])
def test_a_file_cut_inside_a_record_keeps_the_records_before_it(cut):
    end = (OFFSETS[2] if cut > 0 else OFFSETS[3]) + cut
    results = read(PLAIN[:end])
    assert good(results) == RECORDS[:2]
    fault = only_fault(results)
    assert (fault.reason, fault.index, fault.offset) == (Reason.FILE_TRUNCATED, 2, OFFSETS[2])
    assert fault.data == PLAIN[OFFSETS[2] : end][:MAX_FAULT_BYTES]


def test_a_plain_file_cut_between_records_passes_for_a_whole_one():
    assert [type(r) for r in read(PLAIN[: OFFSETS[3]])] == [Record] * 3


@pytest.mark.parametrize("data", [PLAIN, GZIP], ids=["plain", "gzip"])
@pytest.mark.parametrize("suffix", [".gz", ".tfrecord", ""])
def test_the_content_decides_about_compression_not_the_name(tmp_path, data, suffix):
    path = tmp_path / f"shard{suffix}"
    path.write_bytes(data)
    with path.open("rb") as stream:
        results = list(read_tfrecord(stream, path.name))
    assert good(results) == RECORDS
    assert {r.file for r in results} == {path.name}


@pytest.mark.parametrize("length", [0x8B1F, 0x088B1F])
def test_a_plain_file_is_not_taken_for_gzip_because_its_first_length_looks_like_it(length):
    first = bytes(length)
    assert frame_record(first).startswith(b"\x1f\x8b")
    assert good(read(frame_record(first) + PLAIN)) == [first, *RECORDS]


def test_an_empty_file_is_a_fault():
    (fault,) = read(b"")
    assert fault == Quarantined(b"", "shard-0", 0, 0, Reason.FILE_EMPTY, "the file has no bytes")


def test_a_gzip_file_of_no_records_is_whole():
    assert read(gzip.compress(b"")) == []
