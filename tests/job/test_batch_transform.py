import numpy as np
import pytest
import tensorflow as tf

from pixelbake.errors import TransformError
from pixelbake.intake.gate import ImageLimits
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.job.batch_transform import BatchTransform
from pixelbake.job.record_gate import Admitted, RecordGate
from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur
from pixelbake.recipe import Output, Recipe, Resize
from pixelbake.transform_graph import write_transform_graph
from tests.job.inputs import (
    DIGITS,
    PHOTOS,
    example,
    expected_pixels,
    image_of,
    kinds_of,
    pixels_of,
    record,
)

LAYERS = [Brightness(1.2), GaussianBlur(9, 3.0)]
PASSTHROUGH = {
    "label": "int64",
    "box": {"dtype": "float32", "shape": (2, 2)},
    "caption": "bytes",
    "tags": {"dtype": "bytes", "shape": None},
    "scores": {"dtype": "float32", "shape": None},
}
OTHERS = {"label": -(2**63), "box": [float("nan"), -0.0, 1e-45, float("inf")], "caption": b"\xff\0"}


class Baked:
    """A recipe's graph on disk, its gate and its transform."""

    def __init__(self, folder, recipe):
        write_transform_graph(recipe, str(folder / "graph"))
        self.gate = RecordGate.of(recipe, ImageLimits())
        self.transform = BatchTransform(
            str(folder / "graph"), self.gate.image_features, self.gate.passthrough
        )

    def __call__(self, *examples):
        batch = [self.gate.check(record(data, n, 1_000 * n)) for n, data in enumerate(examples)]
        assert all(isinstance(one, Admitted) for one in batch)
        return self.transform(batch)


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    return Baked(tmp_path_factory.mktemp("baked"), Recipe(layers=LAYERS, passthrough=PASSTHROUGH))


def photo(n, **features):
    return example(image=PHOTOS[n], **OTHERS, **features)


def test_each_image_of_a_batch_is_transformed_in_its_place(baked):
    results = baked(*(photo(n) for n in range(4)), example(image=DIGITS[0], **OTHERS))
    assert len(results) == 5
    for image, result in zip([*PHOTOS[:4], DIGITS[0]], results, strict=True):
        np.testing.assert_array_equal(pixels_of(image_of(result)), expected_pixels(image, LAYERS))


def test_features_are_passed_through_bit_for_bit(baked):
    features = {"tags": [b"a", b"", b"\xff"], "scores": [0.1, float("-inf")]}
    (result,) = baked(photo(0, **features, unnamed=7))
    expected = kinds_of(photo(0, **features))
    assert kinds_of(result) == expected
    assert len(expected) == 5


def test_a_feature_of_any_number_of_values_that_is_absent_stays_without_values(baked):
    absent, empty = baked(photo(0), photo(1, tags=("bytes", []), scores=("float32", [])))
    for result in (absent, empty):
        features = tf.train.Example.FromString(result).features.feature
        assert set(features) == {"image", *PASSTHROUGH}
        assert len(features["tags"].bytes_list.value) == 0
        assert len(features["scores"].float_list.value) == 0


@pytest.mark.parametrize("bad", [0, 3, 5])
def test_one_bad_image_costs_only_itself(baked, bad):
    good = [photo(n) for n in range(6)]
    expected = baked(*good)
    data = example(image=PHOTOS[bad][:900], **OTHERS)
    results = baked(*good[:bad], data, *good[bad + 1 :])
    refusal = results.pop(bad)
    assert isinstance(refusal, Quarantined)
    assert (refusal.data, refusal.index, refusal.offset) == (data, bad, 1_000 * bad)
    assert refusal.reason is Reason.DECODE_FAILED
    assert results == expected[:bad] + expected[bad + 1 :]


def test_a_batch_of_bad_images_alone_is_refused_image_by_image(baked):
    cuts = [300, 700, 900, len(PHOTOS[0]) // 2]
    results = baked(*(example(image=PHOTOS[0][:cut], **OTHERS) for cut in cuts if cut > 650))
    assert [result.reason for result in results] == [Reason.DECODE_FAILED] * len(results)


def test_an_image_that_decodes_but_is_too_small_for_a_layer_is_told_from_a_broken_one(baked):
    small = tf.io.encode_png(pixels_of(PHOTOS[0])[:4, :200]).numpy()
    good, refusal = baked(photo(0), example(image=small, **OTHERS))
    assert isinstance(good, bytes)
    assert refusal.reason is Reason.TRANSFORM_FAILED


def test_a_refusal_says_in_tensorflows_own_words_what_was_wrong(baked):
    small = tf.io.encode_png(pixels_of(PHOTOS[0])[:4, :200]).numpy()
    broken = example(image=PHOTOS[0][:900], **OTHERS)
    decoding, padding = baked(broken, example(image=small, **OTHERS))
    assert "JPEG" in decoding.message
    assert "is not in [0," in padding.message


def test_the_same_batch_gives_the_same_bytes(baked):
    batch = [photo(n, tags=[b"b", b"a"]) for n in range(3)]
    assert baked(*batch) == baked(*batch)


def test_an_image_does_not_depend_on_those_beside_it(baked):
    batch = [photo(n) for n in range(16)]
    assert baked(*batch) == [baked(data)[0] for data in batch]


def test_floats_are_stored_as_a_plain_float_list(tmp_path):
    recipe = Recipe(
        layers=[Brightness(1.2)],
        resize=Resize(height=224, width=224),
        output=Output(encoding="float"),
    )
    (result,) = Baked(tmp_path, recipe)(example(image=PHOTOS[0]))
    spec = {"image": tf.io.FixedLenFeature((224, 224, 3), tf.float32)}
    pixels = tf.io.parse_single_example(result, spec)["image"].numpy()
    x = pixels_of(PHOTOS[0])[None].astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(pixels, np.asarray(Brightness(1.2)(x))[0])
    assert len(set(pixels.ravel())) > 200


@pytest.fixture(scope="module")
def masking(tmp_path_factory):
    layer = ConditionalPixelTransform()
    layer.build([(None, None, None, 3), (None, None, None, 1)])
    return Baked(tmp_path_factory.mktemp("masking"), Recipe(layers=[layer], mask="mask"))


def test_a_mask_is_read_and_not_written(masking):
    masking.transform.check_canary()
    masks = [tf.io.encode_png(np.full((224, 224, 1), v, np.uint8)).numpy() for v in (0, 255)]
    results = masking(*(example(image=PHOTOS[0], mask=mask) for mask in masks))
    for result in results:
        assert set(tf.train.Example.FromString(result).features.feature) == {"image"}


def test_a_mask_of_another_size_than_its_image_is_refused(masking):
    good, refusal = masking(
        example(image=PHOTOS[0], mask=PHOTOS[1]), example(image=PHOTOS[0], mask=DIGITS[0])
    )
    assert isinstance(good, bytes)
    assert refusal.reason is Reason.TRANSFORM_FAILED


def test_a_graph_that_works_passes_its_canary(baked):
    assert baked.transform.check_canary() is None


def test_a_graph_that_fails_on_a_good_picture_fails_its_canary_in_tensorflows_own_words(tmp_path):
    baked = Baked(tmp_path, Recipe(layers=[GaussianBlur(601, 100.0)]))
    with pytest.raises(TransformError, match="on a good 256 x 256 PNG") as caught:
        baked.transform.check_canary()
    assert "is not in [0," in str(caught.value)
