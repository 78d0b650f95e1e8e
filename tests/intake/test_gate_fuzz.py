import struct
import time

import numpy as np
import pytest

from pixelbake.intake.gate import ImageHeader, ImageLimits, Refusal, check_image
from tests.intake.encoded_images import JPEGS, OTHERS, PNGS, oriented, png_chunk, png_start

LIMITS = ImageLimits()
SEEDS = {
    **{f"jpeg {name}": data for name, data in JPEGS.items()},
    **{f"png {name}": data for name, data in PNGS.items()},
    "oriented jpeg": oriented(6),
    "oriented png": oriented(8, "PNG"),
    "gif": OTHERS[0][1],
}
MAGICS = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1\x00\x40Exif\0\0MM\0*"]
MAGICS += [png_start(9, 9), png_start(9, 9) + b"\0\0\0\x40eXIfII*\0"]


def judge(data):
    """Returns the gate's verdict after checking that it is a sensible one."""
    result = check_image(data, LIMITS)
    if isinstance(result, Refusal):
        assert result.message
        assert not result.reason.is_file_fault
    else:
        assert isinstance(result, ImageHeader)
        assert 0 < result.width * result.height <= LIMITS.max_pixels
        assert 1 <= result.orientation <= 8
    return type(result)


@pytest.mark.parametrize("magic", MAGICS, ids=range(len(MAGICS)))
def test_random_bytes_never_raise(magic):
    random = np.random.default_rng(20240611)
    for _ in range(3_000):
        judge(magic + random.bytes(random.integers(0, 200)))


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_headers_never_raise(name):
    random = np.random.default_rng(7)
    verdicts = set()
    for _ in range(1_500):
        data = bytearray(SEEDS[name][: random.integers(1, 1_500)])
        for at in random.integers(0, len(data), random.integers(1, 6)):
            data[at] = random.choice([0, 1, 0x7F, 0x80, 0xD9, 0xDA, 0xE1, 0xFF])
        verdicts.add(judge(bytes(data)))
    # The damage is neither so small nor so great that it tests nothing.
    assert verdicts == ({Refusal} if name == "gif" else {Refusal, ImageHeader})


@pytest.mark.parametrize("name", SEEDS)
def test_headers_cut_at_any_byte_never_raise(name):
    for size in range(min(1_200, len(SEEDS[name]))):
        judge(SEEDS[name][:size])


@pytest.mark.parametrize("at", range(8, 33))
def test_any_value_of_any_byte_of_a_png_header_never_raises(at):
    data = PNGS["palette"][:600]
    for value in range(256):
        judge(data[:at] + bytes([value]) + data[at + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 16_000_000,
        b"\xff\xd8\xff" + b"\x01\xff" * 500_000,
        b"\xff\xd8" + b"\xff\xe0\0\x02" * 250_000,
        b"\xff\xd8" + b"\xff\xe1\0\x10Exif\0\0MM\0*\0\0" * 60_000,
        png_start(8, 8) + png_chunk(b"gAMA", b"") * 80_000,
        b"\xff\xd8\xff\xe1\xff\xffExif\0\0II*\0\x08\0\0\0\xff\xff" + struct.pack("<Q", 3) * 8_000,
    ],
    ids=["fill bytes", "bare markers", "empty segments", "exif", "empty chunks", "exif entries"],
)
def test_a_header_made_to_be_slow_takes_time_in_proportion_to_its_size(data):
    start = time.process_time()
    judge(data)
    assert time.process_time() - start < 1 + len(data) / 1_000_000
