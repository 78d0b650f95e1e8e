"""Large JPEGs decoded smaller than they are: `Resize.reducing_gap`, against Pillow's `draft`."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.photos import photo_crops
from pixelbake import make_preprocessing_fn
from pixelbake.image_graph import freeze_image_graph
from pixelbake.images import decode
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Decode, Output, Recipe, Resize
from pixelbake.transform_graph import load_transform, write_transform_graph
from tests.intake.encoded_images import JPEGS
from tests.raw_examples import masks_of
from tests.trained_mask_layer import trained_mask_layer

PHOTO = Image.fromarray(next(photo_crops()))


def encoded(size, kind="JPEG"):
    buffer = io.BytesIO()
    PHOTO.resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def to(height, width, gap, **others):
    return Resize(height=height, width=width, reducing_gap=gap, **others)


def drafted(data, resize):
    """What Pillow decodes for `thumbnail(..., reducing_gap=...)`, before it resizes."""
    image = Image.open(io.BytesIO(data))
    image.draft(None, (resize.width * resize.reducing_gap, resize.height * resize.reducing_gap))
    return np.asarray(image)


@pytest.mark.parametrize(
    ("size", "resize", "shape"),
    [
        ((1024, 768), to(48, 64, 2.0), (96, 128)),
        ((1023, 768), to(48, 64, 2.0), (192, 256)),  # a pixel too few for an eighth
        ((1017, 779), to(48, 64, 1.0), (98, 128)),
        ((1024, 768), to(64, 48, 2.0), (192, 256)),  # the side that shrinks less decides
        ((400, 800), to(64, 64, 3.1), (400, 200)),
        ((300, 200), to(64, 64, 2.0), (200, 300)),
        ((300, 200), to(101, 75, 2.0), (200, 300)),
        ((30, 20), to(64, 64, 1.0), (20, 30)),
        ((1, 1), to(1, 1, 1.0), (1, 1)),
    ],
)
def test_a_jpeg_is_reduced_to_the_pixels_of_pillows_draft(size, resize, shape):
    data = encoded(size)
    pixels = decode(tf.constant(data), Decode(), resize).numpy()
    expected = drafted(data, resize)
    assert pixels.shape == expected.shape
    assert sorted(pixels.shape[:2]) == sorted(shape)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("name", ["gray", "progressive"])
def test_other_jpegs_are_reduced_alike(name):
    resize = to(20, 25, 1.0)
    pixels = decode(tf.constant(JPEGS[name]), Decode(), resize).numpy()
    expected = drafted(JPEGS[name], resize)
    assert expected.shape[0] < np.asarray(Image.open(io.BytesIO(JPEGS[name]))).shape[0]
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, 2)
    np.testing.assert_array_equal(pixels, expected)


def test_a_png_is_decoded_in_full():
    data = encoded((400, 300), "PNG")
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(tf.constant(data), Decode(), to(20, 20, 1.0)), expected)


@pytest.mark.parametrize("data", [b"", b"no image", JPEGS["baseline"][:200], b"\xff\xd8\xff"])
def test_bytes_that_are_no_image_are_an_error_as_ever(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(tf.constant(data), Decode(), to(8, 8, 1.0))


def test_a_larger_gap_stays_closer_to_full_decoding():
    data = tf.constant(encoded((2400, 1800)))

    def pixels(gap):
        recipe = Recipe(resize=Resize(height=90, width=120, reducing_gap=gap))
        return tf.function(freeze_image_graph(recipe).pixels, autograph=False)(data).numpy()

    full = pixels(None).astype(int)
    mean = [np.abs(pixels(gap) - full).mean() for gap in (1.0, 4.0, 8.0, 16.0)]
    assert mean == sorted(mean, reverse=True)
    assert 0 < mean[1] < 0.3
    assert mean[-1] == 0


def test_a_mask_is_decoded_in_full():
    """A mask that was averaged before it is resized would have new values at its edges."""
    image = encoded((400, 400))
    (mask,) = masks_of([image])
    jpeg_mask = tf.io.encode_jpeg(tf.io.decode_png(mask), quality=100).numpy()
    layer = trained_mask_layer()

    def pixels(gap, image):
        recipe = Recipe(layers=[layer], mask="mask", resize=to(48, 48, gap))
        graph = tf.function(freeze_image_graph(recipe).pixels, autograph=False)
        return graph(tf.constant(image), tf.constant(jpeg_mask)).numpy()

    png = tf.io.encode_png(tf.io.decode_jpeg(image, dct_method="INTEGER_ACCURATE")).numpy()
    np.testing.assert_array_equal(pixels(1.0, png), pixels(None, png))
    assert not np.array_equal(pixels(1.0, image), pixels(None, image))


def test_all_sizes_and_kinds_in_one_batch_give_the_same_pixels_traced_and_written(tmp_path):
    recipe = Recipe(
        resize=to(60, 50, 1.5),
        layers=[Brightness(1.2), GaussianBlur(5, 2.0)],
        output=Output(encoding="raw"),
    )
    images = tf.constant(
        [encoded(size) for size in ((1000, 1200), (400, 500), (200, 200), (40, 40))]
        + [encoded((1000, 1200), "PNG")]
    )
    batch = tf.function(make_preprocessing_fn(recipe), autograph=False)({"image": images})["image"]
    write_transform_graph(recipe, str(tmp_path / "graph"))
    keep, transform = load_transform(str(tmp_path / "graph"))
    assert keep is not None
    np.testing.assert_array_equal(transform({"image": images})["image"], batch)
    alone = tf.function(freeze_image_graph(recipe).pixels, autograph=False)
    for data, stored in zip(images, batch, strict=True):
        np.testing.assert_array_equal(alone(data), tf.io.parse_tensor(stored, tf.uint8))
