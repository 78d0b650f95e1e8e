import dataclasses
import json
import pickle

import pytest

from pixelbake.intake.reasons import Quarantined, Reason

#: Written out on purpose: manifests and dashboards hold these words.
CODES = {
    "record_crc",
    "not_an_example",
    "feature_missing",
    "feature_type",
    "feature_count",
    "image_empty",
    "format_not_allowed",
    "header_invalid",
    "too_many_pixels",
    "too_many_bytes",
    "png_chunk_overrun",
    "decode_failed",
    "transform_failed",
}
FILE_FAULT_CODES = {
    "length_crc",
    "length_too_large",
    "file_truncated",
    "gzip_damaged",
    "file_empty",
}


def quarantined(message, **fields):
    values = {"data": b"\xff\xd8", "file": "shard-0", "index": 3, "offset": 812}
    return Quarantined(**{**values, **fields}, reason=Reason.DECODE_FAILED, message=message)


def test_the_codes_are_the_ones_that_manifests_already_hold():
    assert {reason.value for reason in Reason} == CODES | FILE_FAULT_CODES


def test_only_what_makes_the_rest_of_a_file_unreadable_is_a_file_fault():
    assert {reason.value for reason in Reason if reason.is_file_fault} == FILE_FAULT_CODES


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_survives_json_and_pickle(reason):
    assert Reason(json.loads(json.dumps({"code": reason}))["code"]) is reason
    assert pickle.loads(pickle.dumps(reason)) is reason


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("the image has no bytes", "the image has no bytes"),
        ("two\nlines\r\nand a\ttab", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m and \x07 a bell", "[31mred [0m and   a bell"),
        ("caf\u00e9 \u202e\U0001f600", "caf"),
        ("\n  spaces at both ends \0", "spaces at both ends"),
        ("", ""),
        ("\n\0\u2028", ""),
    ],
)
def test_a_message_becomes_one_line_of_printable_ascii(message, line):
    assert quarantined(message).message == line


@pytest.mark.parametrize("size", [199, 200, 201, 100_000])
def test_a_message_has_at_most_200_characters(size):
    assert quarantined("x" * size).message == "x" * min(size, 200)


def test_the_bytes_and_the_place_of_a_record_are_kept_as_they_are():
    data = bytes(range(256)) * 3
    record = quarantined("why", data=data, file="gs://a b/\u00e9-00001-of-00004", index=7, offset=0)
    assert (record.data, record.file) == (data, "gs://a b/\u00e9-00001-of-00004")
    assert (record.index, record.offset, record.reason) == (7, 0, Reason.DECODE_FAILED)


def test_a_quarantined_record_survives_the_pickling_between_workers():
    record = quarantined("a message\nthat was two lines")
    assert pickle.loads(pickle.dumps(record)) == record


def test_a_quarantined_record_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        quarantined("why").data = b""
