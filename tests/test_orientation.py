"""EXIF orientation in the graph: what Pillow makes of it, and what the gate's own parser finds."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from pixelbake.images import decode
from pixelbake.intake.gate import ImageHeader, ImageLimits, check_image
from pixelbake.orientation import exif_orientation, upright
from pixelbake.plain.parts import Decode, Resize
from pixelbake.preprocessing import make_preprocessing_fn
from pixelbake.recipe import Recipe
from tests.intake.encoded_images import PHOTOGRAPH, encode, png_chunk
from tests.trained_mask_layer import trained_mask_layer

STRING = tf.TensorSpec((), tf.string)
find = tf.function(exif_orientation, input_signature=[STRING], autograph=False)
turned = tf.function(
    lambda data: decode(data, Decode(exif_orientation=True)),
    input_signature=[STRING],
    autograph=False,
)
JPEG, PNG = encode(PHOTOGRAPH, "JPEG"), encode(PHOTOGRAPH, "PNG")


def tiff(orientation: int, order: str = "<", before: int = 2, kind: int = 3) -> bytes:
    """A TIFF structure with some entries before the orientation, and one after it."""
    entries = [struct.pack(f"{order}HHII", 0x8000 + n, 4, 1, 77) for n in range(before)]
    entries.append(struct.pack(f"{order}HHIHH", 0x0112, kind, 1, orientation, 0))
    entries.append(struct.pack(f"{order}HHII", 0x0131, 4, 1, 3))
    mark = b"II" if order == "<" else b"MM"
    start = mark + struct.pack(f"{order}HI", 42, 8) + struct.pack(f"{order}H", len(entries))
    return start + b"".join(entries) + bytes(4)


def segment(contents: bytes, marker: int = 0xE1) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(contents) + 2) + contents


def in_jpeg(*segments: bytes) -> bytes:
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def in_png(*chunks: bytes) -> bytes:
    return PNG[:33] + b"".join(chunks) + PNG[33:]


def files_with(block: bytes) -> list[bytes]:
    return [in_jpeg(segment(b"Exif\0\0" + block)), in_png(png_chunk(b"eXIf", block))]


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def by_gate(data: bytes) -> int:
    header = check_image(data, ImageLimits())
    assert isinstance(header, ImageHeader), header
    return header.orientation


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_pillow_turns_them(orientation, order):
    for data in files_with(tiff(orientation, order)):
        assert by_gate(data) == orientation
        np.testing.assert_array_equal(turned(data), by_pillow(data))


def test_each_of_the_eight_gives_other_pixels():
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    seen = {upright(tf.constant(pixels), tf.constant(n)).numpy().tobytes() for n in range(1, 9)}
    shapes = [upright(tf.constant(pixels), tf.constant(n)).shape for n in range(1, 9)]
    assert len(seen) == 8
    assert shapes == [(2, 3, 3)] * 4 + [(3, 2, 3)] * 4


def test_it_stays_as_it_is_stored_by_default():
    data = files_with(tiff(6))[0]
    stored = decode(tf.constant(data), Decode())
    assert stored.shape == (PHOTOGRAPH.height, PHOTOGRAPH.width, 3)


def test_a_reduced_decoding_is_chosen_by_the_upright_size():
    def pixels(data: bytes, height: int, width: int, how: Decode) -> np.ndarray:
        to = Resize(height=height, width=width, reducing_gap=1.0)
        return tf.function(decode, autograph=False)(tf.constant(data), how, to).numpy()

    image = files_with(tiff(6))[0]
    height, width = PHOTOGRAPH.width // 4, PHOTOGRAPH.height // 2
    stored = pixels(JPEG, width, height, Decode())
    assert stored.shape[0] < PHOTOGRAPH.height
    turned = pixels(image, height, width, Decode(exif_orientation=True))
    np.testing.assert_array_equal(turned, np.rot90(stored, -1))


CORPUS = Path(__file__).resolve().parents[1] / "../shared/corpus"
EXAMPLES = sorted(CORPUS.glob("recurser__exif-orientation-examples/*.jpg"))


@pytest.mark.skipif(not EXAMPLES, reason="the corpus of odd images is not beside this checkout")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_the_corpus_are_turned_as_pillow_turns_them(path):
    data = path.read_bytes()
    assert by_gate(data) == int(path.stem[-1]) or path.stem[-1] == "0"
    assert find(data) == by_gate(data)
    np.testing.assert_array_equal(turned(data), by_pillow(data))


ODD = {
    "no EXIF data": [JPEG, PNG],
    "an empty block": files_with(b""),
    "a block of nine bytes": files_with(tiff(6)[:9]),
    "no byte order": files_with(b"XX" + tiff(6)[2:]),
    "two byte orders": files_with(b"IM" + tiff(6)[2:]),
    "0": files_with(tiff(0)),
    "9": files_with(tiff(9)),
    "the number of another byte order": files_with(tiff(6 << 8)),
    "another type": files_with(tiff(6, kind=4)),
    "no entries": files_with(tiff(6)[:8] + bytes(6)),
    "a directory beyond the data": files_with(tiff(6)[:4] + b"\xff\xff\0\0" + tiff(6)[8:]),
    "an offset of 2^32 - 1": files_with(tiff(6)[:4] + b"\xff" * 4 + tiff(6)[8:]),
    "an offset of 2^31": files_with(tiff(6, ">")[:4] + b"\x80\0\0\0" + tiff(6, ">")[8:]),
    "65,535 entries claimed": files_with(tiff(6)[:8] + b"\xff\xff" + tiff(6)[10:]),
    "cut inside the entry": files_with(tiff(6, before=0)[:20]),
    "cut after the entry": files_with(tiff(6, before=0)[:22]),
    "many entries": files_with(tiff(8, before=3_000)),
    "the tag twice": files_with(
        tiff(6)[:8] + b"\2\0" + tiff(6, before=0)[10:22] + tiff(3, before=0)[10:22]
    ),
    "two blocks": [
        in_jpeg(*(segment(b"Exif\0\0" + tiff(n)) for n in (6, 3))),
        in_png(*(png_chunk(b"eXIf", tiff(n)) for n in (6, 3))),
    ],
    "another APP1 first": [
        in_jpeg(segment(b"http://ns.adobe.com/xap/1.0/\0"), segment(b"Exif\0\0" + tiff(6)))
    ],
    "a name that is not quite it": [in_jpeg(segment(b"Exif\0\1" + tiff(6)))],
    "a segment too short for the name": [in_jpeg(segment(b"Exi"), segment(b"Exif\0\0" + tiff(6)))],
    "the words in a comment": [in_jpeg(segment(segment(b"Exif\0\0" + tiff(6)), 0xFE))],
    "in another segment": [in_jpeg(segment(b"Exif\0\0" + tiff(6), 0xE2))],
    "fill bytes and junk before it": [
        in_jpeg(b"\xff\xff\xff", segment(b"Exif\0\0" + tiff(6))),
        in_jpeg(segment(b"", 0xE0) + b"junk\xff\0", b"\xff\xd0", segment(b"Exif\0\0" + tiff(6))),
    ],
    "a segment shorter than its length": [
        in_jpeg(b"\xff\xe5\0\0", segment(b"Exif\0\0" + tiff(6))),
    ],
    "after the frame": [JPEG[:-2] + segment(b"Exif\0\0" + tiff(6)) + JPEG[-2:]],
    "after the pixels": [PNG[:-12] + png_chunk(b"eXIf", tiff(6)) + PNG[-12:]],
    "a text chunk before it": [in_png(png_chunk(b"tEXt", b"a\0eXIf"), png_chunk(b"eXIf", tiff(6)))],
    "behind 1,000 segments": [
        in_jpeg(b"\xff\xd0" * n, segment(b"Exif\0\0" + tiff(6))) for n in (999, 1_000)
    ]
    + [in_png(png_chunk(b"tEXt", b"") * n, png_chunk(b"eXIf", tiff(6))) for n in (998, 999, 1_000)],
    "behind 256 KiB": [
        in_jpeg(
            segment(bytes(65_500), 0xE2) * 4,
            segment(bytes(n), 0xE3),
            segment(b"Exif\0\0" + tiff(6)),
        )
        for n in range(40, 180, 4)
    ]
    + [
        in_png(png_chunk(b"tEXt", bytes(2**18 - n)), png_chunk(b"eXIf", tiff(6)))
        for n in range(0, 160, 4)
    ],
}


@pytest.mark.parametrize("name", ODD)
def test_the_graph_and_the_gate_find_the_same_in_odd_files(name):
    for data in ODD[name]:
        assert find(data) == by_gate(data)


def test_the_odd_files_are_not_all_alike():
    found = {name: [by_gate(data) for data in files] for name, files in ODD.items()}
    assert found["cut after the entry"] == [6, 6]
    assert found["many entries"] == [8, 8]
    assert found["two blocks"] == found["the tag twice"] == [6, 6]
    assert found["behind 1,000 segments"] == [6, 1, 6, 1, 1]
    assert set(found["behind 256 KiB"]) == {1, 6}


def test_the_graph_and_the_gate_find_the_same_in_broken_files():
    random_ = random.Random(7)
    found = set()
    for _ in range(400):
        block = bytearray(tiff(random_.randint(1, 8), random_.choice("<>"), random_.randint(0, 3)))
        for _ in range(random_.randint(0, 3)):
            block[random_.randrange(len(block))] = random_.choice([0, 1, 2, 8, 0x12, 255])
        block = block[: random_.choice([len(block), random_.randrange(len(block))])]
        data = bytearray(random_.choice(files_with(bytes(block))))
        if random_.random() < 0.3:
            data[random_.randrange(2, 60)] = random_.randrange(256)
        header = check_image(bytes(data), ImageLimits())
        if isinstance(header, ImageHeader):
            assert find(bytes(data)) == header.orientation, bytes(data[:200])
            found.add(header.orientation)
    assert found == set(range(1, 9))


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"Exif\0\0"]
)
def test_what_is_no_image_has_none(data):
    assert find(data) == 1


@pytest.mark.parametrize("size", [None, (60, 90)], ids=["own size", "resized"])
def test_a_recipe_turns_image_and_mask_each_by_its_own(size):
    """A blur would hide nothing: the pixels must equal those of the upright image and mask."""

    def pixels(image: bytes, mask: bytes, exif_orientation: bool) -> np.ndarray:
        recipe = Recipe(
            mask="mask",
            decode={"exif_orientation": exif_orientation},
            resize=size and {"height": size[0], "width": size[1]},
            layers=[trained_mask_layer()],
            output={"encoding": "raw"},
        )
        features = {"image": tf.constant([image]), "mask": tf.constant([mask])}
        (stored,) = make_preprocessing_fn(recipe)(features)["image"].numpy()
        return tf.io.parse_tensor(stored, tf.uint8).numpy()

    image, stored_mask = files_with(tiff(6))
    upright_image = encode(Image.fromarray(by_pillow(image)), "PNG")
    gray = decode(tf.constant(stored_mask), Decode(channels=1)).numpy()
    upright_mask = tf.io.encode_png(np.rot90(gray, -1)).numpy()
    expected = pixels(upright_image, upright_mask, False)
    assert expected.shape[:2] == (size or (PHOTOGRAPH.width, PHOTOGRAPH.height))
    for mask in (upright_mask, stored_mask):
        np.testing.assert_array_equal(pixels(image, mask, True), expected)
