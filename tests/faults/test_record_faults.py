"""One bad record among good ones: it alone is quarantined, as it came, and named."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pixelbake.intake.reasons import Reason
from pixelbake.intake.tfrecord import frame_record
from tests.faults.shards import (
    FAULTY_RECORD,
    FAULTY_SHARD,
    PER_SHARD,
    RECORDS,
    path_of,
    replace_record,
    run,
    shard_records,
    write_shards,
)
from tests.job.inputs import PHOTOS, example


def encoded(kind: str, **options: object) -> bytes:
    image = Image.open(io.BytesIO(PHOTOS[0]))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def huge_png() -> bytes:
    """22,000 x 22,000 pixels in a file of some 60 KB."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((1, 1), np.uint8)).resize((22_000, 22_000)).save(buffer, "PNG")
    return buffer.getvalue()


def claiming_png() -> bytes:
    """A file of 57 bytes with a chunk that says it has 2 GiB."""
    start = encoded("PNG")[:33]
    return start + (2**31 - 1).to_bytes(4, "big") + b"IDAT" + b"\0" * 16


def animated_gif() -> bytes:
    frames = [Image.open(io.BytesIO(p)) for p in PHOTOS[:2]]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def palette_bmp() -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(PHOTOS[0])).quantize(64).save(buffer, "BMP")
    return buffer.getvalue()


def image(data: bytes) -> bytes:
    return example(image=data, label=1)


FAULTS = {
    "truncated JPEG": (image(PHOTOS[0][:900]), Reason.DECODE_FAILED),
    "corrupt JPEG": (image(PHOTOS[0][:400] + b"\xff" * 400), Reason.DECODE_FAILED),
    "image of no bytes": (image(b""), Reason.IMAGE_EMPTY),
    "palette BMP": (image(palette_bmp()), Reason.FORMAT_NOT_ALLOWED),
    "WebP": (image(encoded("WEBP")), Reason.FORMAT_NOT_ALLOWED),
    "animated GIF": (image(animated_gif()), Reason.FORMAT_NOT_ALLOWED),
    "TIFF": (image(encoded("TIFF")), Reason.FORMAT_NOT_ALLOWED),
    "59 KB PNG of 22,000² pixels": (image(huge_png()), Reason.TOO_MANY_PIXELS),
    "PNG chunk that claims 2 GiB": (image(claiming_png()), Reason.PNG_CHUNK_OVERRUN),
    "image feature missing": (example(label=1), Reason.FEATURE_MISSING),
    "image feature with 0 values": (
        example(image=("bytes", []), label=1),
        Reason.FEATURE_COUNT,
    ),
    "image feature with 2 values": (
        example(image=[PHOTOS[0], PHOTOS[1]], label=1),
        Reason.FEATURE_COUNT,
    ),
    "image feature of integers": (example(image=3, label=1), Reason.FEATURE_TYPE),
    "required label missing": (example(image=PHOTOS[0]), Reason.FEATURE_MISSING),
    "label of another type": (example(image=PHOTOS[0], label=b"7"), Reason.FEATURE_TYPE),
    "record that is no tf.Example": (b"not an example at all", Reason.NOT_AN_EXAMPLE),
}


@pytest.mark.fault("{name}", "quarantined alone, every other record written")
@pytest.mark.parametrize("name", FAULTS)
def test_one_bad_record_is_quarantined_and_all_others_are_written(tmp_path, name):
    record, reason = FAULTS[name]
    folder = write_shards(tmp_path / "in")
    replace_record(folder, record)
    outcome = run(folder)
    (item,) = outcome.quarantine
    before = sum(len(frame_record(r)) for r in shard_records(FAULTY_SHARD)[:FAULTY_RECORD])
    assert (item.data, item.reason) == (record, reason)
    assert (item.file, item.index, item.offset) == (
        str(path_of(folder, FAULTY_SHARD)),
        FAULTY_RECORD,
        before,
    )
    assert outcome.reasons == {reason.value: 1}
    bad = FAULTY_SHARD * PER_SHARD + FAULTY_RECORD
    assert outcome.labels == [n for n in range(RECORDS) if n != bad]


@pytest.mark.fault("bad records of all kinds, one after the other", "each quarantined, no other")
def test_a_bad_record_does_not_spoil_the_good_ones_after_it(tmp_path):
    folder = write_shards(tmp_path / "in")
    mixed = [r for bad, _ in FAULTS.values() for r in (bad, image(PHOTOS[2]))]
    path_of(folder, 0).write_bytes(b"".join(map(frame_record, mixed)))
    outcome = run(folder)
    assert [(q.data, q.reason) for q in outcome.quarantine] == list(FAULTS.values())
    assert outcome.written == RECORDS - PER_SHARD + len(FAULTS)
