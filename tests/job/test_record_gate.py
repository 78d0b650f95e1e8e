import pickle
import random

import pytest
import tensorflow as tf

from pixelbake.intake.gate import ImageLimits
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.layers import ConditionalPixelTransform
from pixelbake.recipe import Recipe
from tests.intake.encoded_images import OTHERS
from tests.job.inputs import DIGITS, PHOTOS, example, record

PASSTHROUGH = {
    "label": "int64",
    "caption": "bytes",
    "box": {"dtype": "float32", "shape": (2, 2)},
    "tags": {"dtype": "bytes", "shape": None},
}
GOOD = {
    "image": PHOTOS[0],
    "label": 3,
    "caption": b"a roof in \xff China",
    "box": [0.1, 0.2, 0.3, 0.4],
    "tags": [b"roof", b"sky"],
}
LIMITS = ImageLimits()


def gate(limits=LIMITS, **attributes):
    return RecordGate.of(Recipe(**{"passthrough": PASSTHROUGH, **attributes}), limits)


def masking_gate(limits=LIMITS):
    layer = ConditionalPixelTransform()
    layer.build([(None, None, None, 3), (None, None, None, 1)])
    return RecordGate.of(Recipe(layers=[layer], mask="mask"), limits)


def without(name):
    return {key: value for key, value in GOOD.items() if key != name}


def refused(data, by=None):
    checked = (by or gate()).check(record(data))
    assert isinstance(checked, Quarantined)
    return checked.reason, checked.message


def admitted(data, by=None):
    checked = (by or gate()).check(record(data))
    assert isinstance(checked, Admitted), checked
    return checked


def test_a_good_record_is_admitted_with_its_image_and_its_size():
    data = example(**GOOD)
    one = admitted(data)
    assert one.record == record(data)
    assert one.images == (PHOTOS[0],)
    assert one.pixels == 224 * 224
    assert one.example == tf.train.Example.FromString(data)


def test_features_that_the_recipe_does_not_name_do_not_matter():
    extra = tf.train.Example.FromString(example(**GOOD, label2=("float32", []), junk=b"\0"))
    assert admitted(extra.SerializeToString()).images == (PHOTOS[0],)


def test_a_refused_record_keeps_its_bytes_and_its_place():
    data = example(**{**GOOD, "image": b""})
    item = gate().check(record(data, index=41, offset=2**33))
    assert isinstance(item, Quarantined)
    assert (item.data, item.file, item.index, item.offset) == (data, "shard-0", 41, 2**33)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff",
        PHOTOS[0],
        example(**GOOD)[:-5],
        b"a line of a CSV file",
        b"\x0a\xff\xff\x03",
    ],
    ids=["junk", "a bare JPEG", "cut short", "text", "length beyond the end"],
)
def test_bytes_that_are_no_example_are_refused(data):
    assert refused(data)[0] is Reason.NOT_AN_EXAMPLE


def test_a_feature_name_that_is_no_utf_8_is_refused_as_no_example():
    data = example(**GOOD).replace(b"label", b"lab\xffl")
    assert refused(data)[0] in (Reason.NOT_AN_EXAMPLE, Reason.FEATURE_MISSING)


def test_a_record_without_bytes_lacks_its_image():
    assert refused(b"") == (Reason.FEATURE_MISSING, "feature 'image' is missing")


@pytest.mark.parametrize("name", ["image", "label", "caption", "box"])
def test_a_missing_feature_is_named(name):
    others = sorted({"image", "label", "caption", "box", "tags"} - {name})
    there = f"there are {', '.join(map(repr, others))}"
    reason = (Reason.FEATURE_MISSING, f"feature {name!r} is missing; {there}")
    assert refused(example(**without(name))) == reason
    unset = tf.train.Example.FromString(example(**without(name)))
    unset.features.feature[name].SetInParent()
    assert refused(unset.SerializeToString()) == reason


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("image", ("bytes", []), "feature 'image' must hold 1 values; it holds 0"),
        ("image", [PHOTOS[0], PHOTOS[1]], "feature 'image' must hold 1 values; it holds 2"),
        ("label", ("int64", []), "feature 'label' must hold 1 values; it holds 0"),
        ("label", [1, 2], "feature 'label' must hold 1 values; it holds 2"),
        ("box", [0.1] * 3, "feature 'box' must hold 4 values; it holds 3"),
        ("box", [0.1] * 5, "feature 'box' must hold 4 values; it holds 5"),
    ],
)
def test_another_number_of_values_is_refused_with_both_numbers(name, value, message):
    assert refused(example(**{**GOOD, name: value})) == (Reason.FEATURE_COUNT, message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("image", [1, 2], "feature 'image' must hold bytes; it holds int64"),
        ("label", 3.0, "feature 'label' must hold int64; it holds float32"),
        ("label", b"3", "feature 'label' must hold int64; it holds bytes"),
        ("caption", 3, "feature 'caption' must hold bytes; it holds int64"),
        ("box", [1, 2, 3, 4], "feature 'box' must hold float32; it holds int64"),
        ("tags", [1.5], "feature 'tags' must hold bytes; it holds float32"),
        ("tags", ("float32", []), "feature 'tags' must hold bytes; it holds float32"),
    ],
)
def test_another_type_is_refused_with_both_types(name, value, message):
    assert refused(example(**{**GOOD, name: value})) == (Reason.FEATURE_TYPE, message)


@pytest.mark.parametrize("tags", [None, ("bytes", []), b"one", [b"a", b"b", b""]])
def test_a_feature_of_any_number_of_values_may_hold_any_number_or_be_absent(tags):
    admitted(example(**without("tags"), **({} if tags is None else {"tags": tags})))


@pytest.mark.parametrize(
    ("format", "data"), OTHERS, ids=[f"{n} {f}" for n, (f, _) in enumerate(OTHERS)]
)
def test_an_image_that_is_no_jpeg_or_png_is_refused_by_its_format(format, data):
    reason, message = refused(example(**{**GOOD, "image": data}))
    assert reason is Reason.FORMAT_NOT_ALLOWED
    assert message == f"feature 'image': JPEG and PNG are decoded; the format is {format}"


def test_an_image_at_the_limits_is_admitted_and_one_beyond_is_not():
    data = example(**GOOD)
    size = len(PHOTOS[0])
    admitted(data, gate(ImageLimits(max_pixels=224 * 224, max_bytes=size)))
    assert refused(data, gate(ImageLimits(224 * 224 - 1)))[0] is Reason.TOO_MANY_PIXELS
    assert refused(data, gate(ImageLimits(224 * 224, size - 1)))[0] is Reason.TOO_MANY_BYTES


def test_of_very_many_features_a_few_are_named():
    message = refused(example(**{f"f{n:03}": 1 for n in range(500)}))[1]
    assert message.startswith("feature 'image' is missing; there are 'f000', 'f001', ")
    assert len(message) < 120


def test_a_mask_is_looked_at_as_the_image_is():
    by = masking_gate()
    one = admitted(example(image=PHOTOS[0], mask=DIGITS[0]), by)
    assert one.images == (PHOTOS[0], DIGITS[0])
    assert one.pixels == 224 * 224 + 32 * 32
    assert refused(example(image=PHOTOS[0]), by) == (
        Reason.FEATURE_MISSING,
        "feature 'mask' is missing; there are 'image'",
    )
    assert refused(example(image=PHOTOS[0], mask=b""), by) == (
        Reason.IMAGE_EMPTY,
        "feature 'mask': the image has no bytes",
    )
    big = ImageLimits(max_pixels=32 * 32)
    assert refused(example(image=DIGITS[0], mask=PHOTOS[0]), masking_gate(big))[0] is (
        Reason.TOO_MANY_PIXELS
    )


def test_the_image_may_have_another_name():
    by = gate(image="photo", passthrough={})
    assert admitted(example(photo=PHOTOS[1]), by).images == (PHOTOS[1],)
    assert (
        refused(example(image=PHOTOS[1]), by)[1] == "feature 'photo' is missing; there are 'image'"
    )


def test_a_gate_survives_the_pickling_between_workers():
    assert pickle.loads(pickle.dumps(gate())) == gate()


def test_no_damage_to_a_record_makes_the_gate_raise():
    """Cuts and flips bits of a real record: it is admitted or refused, and never changed."""
    data = example(**{**GOOD, "image": DIGITS[0]})
    chance = random.Random(7)
    by = gate()
    reasons = set()
    for _ in range(3_000):
        damaged = bytearray(data[: chance.randrange(len(data))] if chance.random() < 0.2 else data)
        for _ in range(chance.randrange(4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        checked = by.check(record(bytes(damaged)))
        if isinstance(checked, Quarantined):
            assert checked.data == damaged
            reasons.add(checked.reason)
        else:
            assert checked.record.data == damaged
    assert {Reason.NOT_AN_EXAMPLE, Reason.FEATURE_MISSING} <= reasons


@pytest.mark.parametrize("rest", [b"\x0c", b"\x0c\x0a\x00"], ids=["end group", "and more"])
def test_an_example_followed_by_something_else_is_not_an_example(rest):
    assert refused(example(image=PHOTOS[0], label=1) + rest)[0] is Reason.NOT_AN_EXAMPLE
