"""The keystone: the same bytes give the same pixels, whichever way they go.

Ways: the layers called eagerly on what Pillow decodes; the preprocessing_fn in a tf.function; the
Beam job, read back; the exported model in a process that knows nothing but TensorFlow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import pixelbake
from pipeline.photos import photo_crops
from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur
from pixelbake.recipe import Output, Resize
from tests.e2e.fresh_process import ask, write_records
from tests.stored_images import decode_stored_images
from tests.trained_mask_layer import trained_mask_layer

ENCODINGS = ["png", "raw", "float"]


def jpegs() -> list[bytes]:
    return [tf.io.encode_jpeg(crop, quality=90).numpy() for crop in photo_crops()][::3]


def in_all_orientations(images: list[bytes]) -> list[bytes]:
    """Puts one of the eight EXIF orientations into each."""
    turned = []
    for i, data in enumerate(images):
        exif = Image.Exif()
        exif[0x0112] = i % 8 + 1
        segment = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
        length = (len(segment) + 2).to_bytes(2, "big")
        turned.append(data[:2] + b"\xff\xe1" + length + segment + data[2:])
    return turned


def foreground_masks() -> list[bytes]:
    """Where a crop is more red than blue, as gray PNG."""
    return [
        tf.io.encode_png(np.uint8(255 * (crop[..., :1] > crop[..., 2:]))).numpy()
        for crop in photo_crops()
    ][::3]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def pillow_pixels(data: bytes) -> np.ndarray:
    image = ImageOps.exif_transpose(opened(data))
    return np.asarray(image, np.float32) * np.float32(1 / 255)


def quantised(pixels) -> np.ndarray:
    return np.round(np.clip(np.asarray(pixels), 0, 1) * np.float32(255)).astype(np.uint8)


@dataclass
class Ways:
    """The uint8 pixels [B, H, W, C] that each way gives, for one recipe and encoding."""

    eager: np.ndarray
    traced: np.ndarray
    materialised: np.ndarray
    served: np.ndarray


def go_all_ways(
    encoding: str, masked: bool, folder: Path, oriented: bool = False, numerics: str = "float32"
) -> Ways:
    layers = [Brightness(1.2), GaussianBlur(5, 2.0), *([trained_mask_layer()] if masked else [])]
    # A size of their own is what float images need; it changes nothing here.
    recipe = pixelbake.Recipe(
        layers=layers,
        decode={"exif_orientation": oriented},
        mask="mask" if masked else None,
        resize=Resize(height=224, width=224),
        output=Output(encoding=encoding),
        numerics=numerics,
    )
    images = in_all_orientations(jpegs()) if oriented else jpegs()
    features = {"image": images, **({"mask": foreground_masks()} if masked else {})}

    x = np.stack([pillow_pixels(data) for data in features["image"]])
    for layer in layers:
        if isinstance(layer, ConditionalPixelTransform):
            x = [x, np.stack([pillow_pixels(data) for data in features["mask"]])[..., None]]
        x = layer(x)
    eager = quantised(x)

    function = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)
    stored = function({name: tf.constant(values) for name, values in features.items()})["image"]
    traced = decode_stored_images(stored, recipe).numpy()

    records = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[values[i]]))
                    for name, values in features.items()
                }
            )
        ).SerializeToString()
        for i in range(len(eager))
    ]
    write_records(folder / "photos.tfrecord", records)
    run = str(folder / "run")
    config = pixelbake.JobConfig(
        input={"photos": str(folder / "photos.tfrecord")}, output=run, recipe=recipe
    )
    pixelbake.run_job(config)
    read = pixelbake.read_examples(run, "photos").as_numpy_iterator()
    materialised = np.stack([example["image"] for example in read])

    seen = keras.Input((224, 224, 3), dtype=materialised.dtype.name)
    model = keras.Model(seen, keras.layers.Identity(dtype=materialised.dtype.name)(seen))
    pixelbake.export_serving_model(model, f"{run}/transform_graph", str(folder / "model"))
    names = {"image": "image_bytes", "mask": "mask_bytes"}
    requests = {names[name]: values for name, values in features.items()}
    served = ask(folder / "model", "serve_image_bytes", **requests)["outputs"]

    if encoding == "float":
        traced, materialised, served = map(quantised, (traced, materialised, served))
    return Ways(eager, traced, materialised, served)


@pytest.fixture(scope="module", params=[False, True], ids=["", "with a learned mask"])
def masked(request):
    return request.param


@pytest.fixture(scope="module", params=ENCODINGS)
def ways(request, masked, tmp_path_factory):
    return go_all_ways(request.param, masked, tmp_path_factory.mktemp("ways"))


def test_the_images_are_changed_at_all(ways):
    raw = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in jpegs()])
    assert np.mean(np.abs(ways.eager.astype(int) - raw)) > 5


@pytest.mark.parametrize("way", ["traced", "materialised", "served"])
def test_every_way_gives_the_pixels_of_the_eager_layers(ways, way):
    pixels = getattr(ways, way)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, ways.eager)


def test_a_lossy_encoding_is_seen_by_the_served_model_as_it_was_seen_in_training(tmp_path):
    ways = go_all_ways("jpeg", False, tmp_path)
    assert not np.array_equal(ways.materialised, ways.eager)
    assert np.abs(ways.materialised.astype(int) - ways.eager).max() <= 16
    np.testing.assert_array_equal(ways.served, ways.materialised)
    np.testing.assert_array_equal(ways.traced, ways.materialised)


def test_images_are_turned_by_their_exif_orientation_on_every_way(tmp_path):
    ways = go_all_ways("png", False, tmp_path, oriented=True)
    assert len(ways.eager) >= 8
    for data in in_all_orientations(jpegs())[1:8]:
        assert not np.array_equal(ImageOps.exif_transpose(opened(data)), opened(data))
    for way in (ways.traced, ways.materialised, ways.served):
        np.testing.assert_array_equal(way, ways.eager)


@pytest.mark.parametrize("encoding", ["png", "float"])
def test_an_exact_recipe_gives_the_same_pixels_on_every_way(encoding, tmp_path):
    ways = go_all_ways(encoding, True, tmp_path, numerics="exact")
    np.testing.assert_array_equal(ways.materialised, ways.traced)
    np.testing.assert_array_equal(ways.served, ways.traced)
    apart = np.abs(ways.traced.astype(int) - ways.eager)
    assert apart.max() == 1
    assert np.count_nonzero(apart) < 0.05 * apart.size
