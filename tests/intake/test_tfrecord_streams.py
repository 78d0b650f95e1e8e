import gzip
import struct
import tracemalloc
import zlib

import pytest
import tensorflow as tf

from pixelbake.intake.reasons import Reason
from pixelbake.intake.tfrecord import MAX_FAULT_BYTES, Record, frame_record, read_tfrecord
from tests.intake.encoded_images import WHOLE_PHOTOGRAPHS, encode
from tests.intake.shards import (
    GZIP,
    OFFSETS,
    PLAIN,
    RECORDS,
    RawStream,
    flip,
    good,
    only_fault,
    read,
)

MIB = 2**20
MANY = [encode(p, "JPEG", quality=q) for p in WHOLE_PHOTOGRAPHS for q in range(80, 101)]


def read_raw(data, most):
    return list(read_tfrecord(RawStream(data, most), "pipe"))


@pytest.mark.parametrize("most", [1, 7, 12])
@pytest.mark.parametrize("data", [PLAIN, GZIP], ids=["plain", "gzip"])
def test_a_stream_that_trickles_loses_nothing(most, data):
    results = read_raw(data, most)
    assert good(results) == RECORDS
    assert len(results) == len(RECORDS)


@pytest.mark.parametrize("most", [65_536, 600_000, MIB - 1, MIB])
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_large_stream_that_gives_less_than_asked_for_loses_nothing(most, compress):
    data = compress(b"".join(map(frame_record, MANY)))
    assert len(data) > 2 * MIB
    results = read_raw(data, most)
    assert [getattr(r, "reason", None) for r in results] == [None] * len(MANY)
    assert good(results) == MANY


@pytest.mark.parametrize("most", [1, 600_000])
def test_a_record_longer_than_any_buffer_is_read_whole(most):
    large = RECORDS[2] * (4 if most == 1 else 700)
    assert good(read_raw(frame_record(large) + PLAIN, most)) == [large, *RECORDS]


def test_a_short_read_is_not_taken_for_a_cut_file():
    (fault,) = read_raw(frame_record(RECORDS[0])[:-1], 5)
    assert fault.reason == Reason.FILE_TRUNCATED
    assert [type(r) for r in read_raw(frame_record(RECORDS[0]), 5)] == [Record]


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_a_gzip_file_cut_anywhere_is_found_even_between_records(stop):
    # A full flush ends on a byte, so that what stands before it unpacks to whole records.
    packer = zlib.compressobj(wbits=31)
    cut = packer.compress(PLAIN[: OFFSETS[stop]]) + packer.flush(zlib.Z_FULL_FLUSH)
    results = read(cut)
    assert good(results) == RECORDS[:stop]
    fault = only_fault(results)
    assert (fault.reason, fault.index, fault.offset) == (
        Reason.GZIP_DAMAGED,
        stop,
        OFFSETS[stop],
    )
    assert "ends before its end mark" in fault.message


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_gzip_file_cut_inside_a_record_keeps_the_records_before_it(share):
    cut = GZIP[: int(len(GZIP) * share)]
    whole = zlib.decompressobj(wbits=31).decompress(cut)
    results = read(cut)
    kept = sum(offset <= len(whole) for offset in OFFSETS[1:])
    assert good(results) == RECORDS[:kept]
    fault = only_fault(results)
    assert (fault.reason, fault.index, fault.offset) == (
        Reason.GZIP_DAMAGED,
        kept,
        OFFSETS[kept],
    )
    assert fault.data == whole[OFFSETS[kept] :][:MAX_FAULT_BYTES]


@pytest.mark.parametrize("missing", range(1, 9))
def test_a_gzip_file_without_its_whole_trailer_is_found(missing):
    results = read(GZIP[:-missing])
    assert good(results) == RECORDS
    assert (only_fault(results).reason, only_fault(results).index) == (Reason.GZIP_DAMAGED, 5)


@pytest.mark.parametrize("size", range(2, 11))
def test_a_gzip_file_cut_inside_its_header_is_found(size):
    assert [r.reason for r in read(GZIP[:size])] == [Reason.GZIP_DAMAGED]


@pytest.mark.parametrize("at", [-8, -4], ids=["checksum", "length"])
def test_a_wrong_gzip_trailer_is_found(at):
    results = read(flip(GZIP, at))
    assert results[-1] == only_fault(results)
    assert results[-1].reason == Reason.GZIP_DAMAGED


@pytest.mark.parametrize("at", [40, 2_000, 9_000, len(GZIP) // 2, len(GZIP) - 60])
def test_one_flipped_bit_in_a_gzip_file_never_goes_unnoticed(at):
    results = read(flip(GZIP, at))
    assert any(not isinstance(r, Record) for r in results)
    assert set(good(results)) <= set(RECORDS)


def test_the_records_of_all_gzip_members_are_read():
    parts = [PLAIN[: OFFSETS[2] + 100], PLAIN[OFFSETS[2] + 100 :], b"", PLAIN]
    results = read(b"".join(map(gzip.compress, parts)))
    assert good(results) == RECORDS * 2
    assert [r.offset for r in results][5:] == [OFFSETS[-1] + o for o in OFFSETS[:-1]]


@pytest.mark.parametrize("missing", [1, 8, 30])
def test_a_cut_second_gzip_member_is_found(missing):
    results = read((GZIP + GZIP)[:-missing])
    assert good(results)[:5] == RECORDS
    assert only_fault(results).reason == Reason.GZIP_DAMAGED


@pytest.mark.parametrize("zeros", [1, 511, MIB, 3 * MIB])
@pytest.mark.parametrize("most", [4_096, MIB])
def test_zeros_after_a_gzip_file_are_padding(zeros, most):
    results = read_raw(GZIP + bytes(zeros), most)
    assert good(results) == RECORDS
    assert len(results) == len(RECORDS)


@pytest.mark.parametrize("zeros", [1, 511, MIB - len(GZIP), 2 * MIB])
@pytest.mark.parametrize("after", [GZIP, PLAIN, b"junk"], ids=["gzip", "plain", "junk"])
def test_what_follows_the_zeros_after_a_gzip_file_is_not_lost_silently(zeros, after):
    results = read(GZIP + bytes(zeros) + after)
    assert good(results)[:5] == RECORDS
    faults = [r.reason for r in results if not isinstance(r, Record)]
    assert faults == [Reason.GZIP_DAMAGED] or good(results) == RECORDS * 2


@pytest.mark.parametrize("after", [b"junk", PLAIN, b"\0junk"], ids=["junk", "plain", "zero"])
def test_anything_but_zeros_after_a_gzip_file_is_a_fault(after):
    results = read(GZIP + after)
    assert good(results) == RECORDS
    assert only_fault(results).reason == Reason.GZIP_DAMAGED


def test_damage_to_a_record_inside_gzip_loses_that_record_only():
    results = read(gzip.compress(flip(PLAIN, OFFSETS[1] + 50)))
    assert good(results) == [RECORDS[0], *RECORDS[2:]]
    assert only_fault(results).reason == Reason.RECORD_CRC


def test_a_gzip_bomb_is_not_unpacked():
    bomb = gzip.compress(bytes(200 * MIB), 9)
    tracemalloc.start()
    results = read(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [r.reason for r in results] == [Reason.LENGTH_CRC]
    assert len(results[0].data) == MAX_FAULT_BYTES
    assert peak < 10 * MIB


def test_a_gzip_file_longer_than_one_step_of_unpacking_is_read_as_tensorflow_does(tmp_path):
    records = [bytes(3 * MIB), struct.pack("<Q", 7) * MIB, *RECORDS]
    path = tmp_path / "shard.gz"
    path.write_bytes(gzip.compress(b"".join(map(frame_record, records))))
    expected = list(tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator())
    with path.open("rb") as stream:
        assert good(list(read_tfrecord(stream, path.name))) == expected == records


@pytest.mark.parametrize("at", [-8, -1])
def test_a_gzip_file_with_a_wrong_trailer_still_gives_every_record(at):
    results = read(flip(GZIP, len(GZIP) + at))
    assert good(results) == RECORDS
    assert only_fault(results).reason == Reason.GZIP_DAMAGED


def test_a_gzip_file_with_a_damaged_middle_gives_the_records_before_the_damage():
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(PLAIN[: OFFSETS[3]]) + packer.flush(zlib.Z_FULL_FLUSH)
    results = read(start + b"\xff" * 64)
    assert good(results) == RECORDS[:3]
    assert only_fault(results).reason == Reason.GZIP_DAMAGED
