"""Masks and what is done with them, against NumPy, Pillow and matplotlib."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.path import Path

from pixelbake.layers import (
    BoxMask,
    Brightness,
    CombinedMask,
    ConditionalPixelTransform,
    Crop,
    EllipseMask,
    FeatureMask,
    Fill,
    GaussianBlur,
    Grayscale,
    Invert,
    Masked,
    PolygonMask,
    ThresholdMask,
)
from tests.layers.contract import photographs, run_eagerly

HEIGHT, WIDTH = 31, 44
CENTRES_Y, CENTRES_X = np.mgrid[:HEIGHT, :WIDTH] + 0.5


def mask_of(layer):
    """The mask of one image of HEIGHT x WIDTH, as `[H, W]`."""
    return run_eagerly(layer, photographs(1, 3, HEIGHT, WIDTH))[0, :, :, 0]


def test_a_box_in_pixels_is_a_slice():
    expected = np.zeros((HEIGHT, WIDTH))
    expected[5:20, 3:40] = 1
    np.testing.assert_array_equal(mask_of(BoxMask((3, 5, 40, 20), relative=False)), expected)


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.1, 0.25, 0.6, 0.5), (0.5, 0, 1, 0.03)])
def test_a_relative_box_holds_the_pixels_whose_centres_are_in_it(box):
    left, top, right, bottom = np.multiply(box, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    across = (left <= CENTRES_X) & (right > CENTRES_X)
    expected = across & (top <= CENTRES_Y) & (bottom > CENTRES_Y)
    np.testing.assert_array_equal(mask_of(BoxMask(box)), expected)


@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0, 1.0), (0.13, 0.21, 0.6, 0.97)])
def test_an_ellipse_holds_the_pixels_whose_centres_are_in_it(box):
    left, top, right, bottom = np.multiply(box, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    across = (CENTRES_X - (left + right) / 2) / ((right - left) / 2)
    down = (CENTRES_Y - (top + bottom) / 2) / ((bottom - top) / 2)
    expected = across**2 + down**2 <= 1
    np.testing.assert_array_equal(mask_of(EllipseMask(box)), expected)
    pixels = EllipseMask((left, top, right, bottom), relative=False)
    np.testing.assert_array_equal(mask_of(pixels), expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("relative", [True, False])
def test_a_polygon_holds_the_pixels_whose_centres_are_in_it_as_matplotlib_says(seed, relative):
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 9))
    radius = random.uniform(0.1, 0.5, 9)
    points = np.stack([0.5 + radius * np.cos(angles), 0.5 + radius * np.sin(angles)], -1)
    in_pixels = points * [WIDTH, HEIGHT]
    centres = np.stack([CENTRES_X.ravel(), CENTRES_Y.ravel()], -1)
    expected = Path(np.vstack([in_pixels, in_pixels[:1]])).contains_points(centres)
    layer = PolygonMask((points if relative else in_pixels).tolist(), relative=relative)
    np.testing.assert_array_equal(mask_of(layer).ravel(), expected)


def test_a_polygon_that_crosses_itself_leaves_out_what_is_wound_round_twice():
    around = [(2 * np.pi * 2 * i / 5) for i in range(5)]  # a pentagram
    star = [(0.5 + 0.49 * np.sin(a), 0.5 - 0.49 * np.cos(a)) for a in around]
    mask = run_eagerly(PolygonMask(star), np.zeros((1, 101, 101, 1), np.float32))[0, :, :, 0]
    assert mask[50, 50] == 0  # the middle
    assert mask[15, 50] == 1  # the upper arm
    assert mask[2, 2] == 0


def test_a_threshold_is_over_the_luma_or_one_channel():
    images = photographs(2, 3, 20, 27)
    luma = images @ np.array([0.299, 0.587, 0.114])
    sure = np.abs(luma - 0.45) > 1e-6
    mask = run_eagerly(ThresholdMask(0.45), images)[..., 0]
    np.testing.assert_array_equal(mask[sure], (luma > 0.45)[sure])
    blue = run_eagerly(ThresholdMask(0.3, channel=2), images)
    np.testing.assert_array_equal(blue, images[..., 2:] > np.float32(0.3))
    gray = run_eagerly(ThresholdMask(0.3), images[..., :1])
    np.testing.assert_array_equal(gray, images[..., :1] > np.float32(0.3))
    alpha = run_eagerly(ThresholdMask(0.45), photographs(2, 4, 20, 27))
    np.testing.assert_array_equal(alpha[..., 0], mask)


def test_a_segmentation_s_classes_become_a_mask():
    images = photographs(1, 3, 4, 4)
    classes = np.arange(16).reshape(1, 4, 4, 1)
    given = (classes / 255).astype(np.float32)
    result = run_eagerly(FeatureMask(classes=[15, 3]), [images, given])
    np.testing.assert_array_equal(result, np.isin(classes, [3, 15]))
    np.testing.assert_array_equal(run_eagerly(FeatureMask(), [images, given]), given)


@pytest.mark.parametrize(
    ("mode", "function"), [("union", np.maximum), ("intersection", np.minimum)]
)
def test_masks_are_combined_by_their_greatest_or_smallest_value(mode, function):
    images = photographs(2, 3, 20, 27)
    parts = [
        Grayscale(),
        [EllipseMask((0.2, 0.2, 0.9, 0.8)), GaussianBlur(5, 1.0)],
        BoxMask((0, 0, 1, 0.3)),
    ]
    gray, ellipse, box = (
        run_eagerly(Grayscale(), images),
        run_eagerly(GaussianBlur(5, 1.0), run_eagerly(EllipseMask((0.2, 0.2, 0.9, 0.8)), images)),
        run_eagerly(BoxMask((0, 0, 1, 0.3)), images),
    )
    expected = function(function(gray, ellipse), box)
    np.testing.assert_allclose(run_eagerly(CombinedMask(mode, parts), images), expected, atol=1e-6)


def test_inside_and_outside_are_blended_by_the_mask():
    images = photographs(2, 3, 20, 27)
    mask = [EllipseMask((0.1, 0.1, 0.7, 0.9)), GaussianBlur(7, 2.0)]
    soft = run_eagerly(mask[1], run_eagerly(mask[0], images))
    assert np.sum((soft > 0.1) & (soft < 0.9)) > 20
    inside = run_eagerly(Brightness(0.4), run_eagerly(GaussianBlur(5, 2.0), images))
    outside = run_eagerly(Invert(), images)
    layer = Masked(mask, inside=[GaussianBlur(5, 2.0), Brightness(0.4)], outside=Invert())
    expected = soft * inside + (1 - soft) * outside
    np.testing.assert_allclose(run_eagerly(layer, images), expected, atol=1e-6)


def test_what_a_hard_mask_leaves_alone_keeps_its_pixels_bit_for_bit():
    images = photographs(2, 3, 20, 27)
    box = BoxMask((3, 5, 20, 15), relative=False)
    plate = run_eagerly(Masked(box, inside=Fill((1, 0.5, 0))), images)
    expected = images.copy()
    expected[:, 5:15, 3:20] = [1, 0.5, 0]
    np.testing.assert_array_equal(plate, expected)
    background = run_eagerly(Masked(box, outside=GaussianBlur(9, 3.0)), images)
    blurred = run_eagerly(GaussianBlur(9, 3.0), images)
    np.testing.assert_array_equal(background[:, 5:15, 3:20], images[:, 5:15, 3:20])
    np.testing.assert_array_equal(background[:, :5], blurred[:, :5])


def test_a_mask_beyond_0_and_1_is_clipped():
    images = photographs(1, 3, 8, 8)
    twice = [BoxMask((0, 0, 0.5, 1)), keras.layers.Rescaling(3.0, offset=-1.0)]
    result = run_eagerly(Masked(twice, inside=Invert()), images)
    np.testing.assert_array_equal(result, run_eagerly(Masked(twice[0], inside=Invert()), images))


def test_a_mask_may_come_with_the_image_and_be_used_on_both_sides():
    images, given = photographs(1, 3, 12, 12), photographs(1, 1, 12, 12)[:, ::-1]
    layer = Masked([FeatureMask(), Invert()], inside=ConditionalPixelTransform())
    assert layer.takes_mask
    learned = run_eagerly(layer.inside[0], [images, given])
    result = run_eagerly(layer, [images, given])
    np.testing.assert_allclose(result, (1 - given) * learned + given * images, atol=1e-6)
    assert not Masked(BoxMask((0, 0, 1, 0.5)), inside=Fill(0)).takes_mask


def test_a_mask_can_be_trained():
    images = photographs(4, 3, 24, 24)
    bright = (images.mean(-1, keepdims=True) > 0.5).astype(np.float32)
    trained = keras.layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer="zeros")
    image = keras.Input((None, None, 3))
    model = keras.Model(image, Masked(trained, inside=Fill(0))(image))
    model.compile(keras.optimizers.Adam(0.3), "mse")
    target = images * (1 - bright)
    before = model.evaluate(images, target, verbose=0)
    model.fit(images, target, epochs=150, batch_size=4, verbose=0)
    assert model.evaluate(images, target, verbose=0) < 0.2 * before


def test_gradients_reach_layers_on_all_sides():
    images = photographs(2, 3, 12, 12)
    layer = Masked(
        keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        inside=keras.layers.Conv2D(3, 1),
        outside=keras.layers.Conv2D(3, 1),
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer(images) ** 2)
    gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
    assert len(gradients) == 6
    assert all(np.abs(gradient.numpy()).max() > 1e-4 for gradient in gradients)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            lambda: Masked(GaussianBlur(3, 1.0), inside=Fill(0)),
            r"of one channel.*shape \(1, 8, 8, 3\)",
        ),
        (lambda: Masked(BoxMask((0, 0, 1, 1)), inside=Grayscale()), "inside must keep the image's"),
        (lambda: Masked(BoxMask((0, 0, 1, 1)), outside=Crop(0, 0, 4, 4)), "outside must keep the"),
        (
            lambda: Masked(FeatureMask(), inside=Fill(0)),
            r"takes \[image, mask\]. Received: 1 input",
        ),
        (lambda: Fill((0, 1)), r"as many channels. Received: shape \(1, 8, 8, 3\)"),
        (lambda: ThresholdMask(0.5, channel=3), "looks at channel 3, counted from 0. Received"),
        (FeatureMask, r"takes \[image, mask\]. Received: 1 input"),
        (
            lambda: CombinedMask("union", [GaussianBlur(3, 1.0), BoxMask((0, 0, 1, 1))]),
            "masks must give a mask of one channel",
        ),
    ],
)
def test_what_does_not_fit_the_images_is_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        layer()(photographs(1, 3, 8, 8))


def test_a_mask_that_no_layer_uses_is_refused():
    images = photographs(1, 3, 8, 8)
    with pytest.raises(ValueError, match="no layer in it uses a mask"):
        Masked(BoxMask((0, 0, 1, 1)), inside=Fill(0))([images, images[..., :1]])


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (
            BoxMask,
            {"box": (0, 0, 1)},
            r"must be \(left, top, right, bottom\). Received: box=\(0, 0",
        ),
        (BoxMask, {"box": (0.5, 0, 0.2, 1)}, "left < right and top < bottom. Received"),
        (
            BoxMask,
            {"box": (0, 0, 20, 10)},
            "from 0 to 1.*Set relative to false if these are pixels",
        ),
        (BoxMask, {"box": (0, 0, 1, 1), "relative": 1}, "Received: relative=1"),
        (EllipseMask, {"box": "0011"}, "Received: box='0011'"),
        (PolygonMask, {"points": [(0, 0), (1, 1)]}, r"at least three \(x, y\). Received"),
        (
            PolygonMask,
            {"points": [(0, 0), (1, 1), (1, float("nan"))]},
            "point's y must be a finite",
        ),
        (ThresholdMask, {"threshold": 128}, r"within value_range \(0.0, 1.0\). Received: threshol"),
        (ThresholdMask, {"threshold": 0.5, "channel": -1}, "Received: channel=-1"),
        (FeatureMask, {"classes": [256]}, "from 0 to 255. Received: classes=256"),
        (FeatureMask, {"classes": []}, r"Received: classes=\[\]"),
        (Fill, {"color": 255}, r"within value_range \(0.0, 1.0\). Received: color=255"),
        (Fill, {"color": []}, r"Received: color=\[\]"),
        (Masked, {"mask": BoxMask((0, 0, 1, 1))}, "inside, outside or both"),
        (Masked, {"mask": "box", "inside": Fill(0)}, "mask must be a layer, or a list.*mask='box'"),
        (Masked, {"mask": [], "inside": Fill(0)}, r"Received: mask=\[\]"),
        (
            CombinedMask,
            {"mode": "or", "masks": []},
            "one of union, intersection. Received: mode='or'",
        ),
        (CombinedMask, {"mode": "union", "masks": [Fill(0)]}, "at least two"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**arguments)
