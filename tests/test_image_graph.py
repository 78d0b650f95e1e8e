"""The frozen way of one image: its pixels, and what it is after each stage."""

import numpy as np
import pytest
import tensorflow as tf

from pixelbake.image_graph import freeze_image_graph
from pixelbake.images import decode_stored, quantise, resize
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Output, Recipe, Resize
from pixelbake.transform_graph import (
    load_transform,
    read_image_graph,
    write_transform_graph,
)
from tests.raw_examples import masks_of, photos
from tests.trained_mask_layer import trained_mask_layer

PHOTOS = photos(3, [(224, 224), (91, 120), (200, 77)])
LAYERS = [Brightness(1.2), GaussianBlur(5, 2.0)]


def run(method, *encoded):
    """Runs `pixels` or `stages` of an image graph on one image."""
    traced = tf.function(method, autograph=False)
    return tf.nest.map_structure(lambda x: x.numpy(), traced(*map(tf.constant, encoded)))


def test_the_stages_are_what_decoder_resize_and_each_layer_make_of_the_image():
    recipe = Recipe(resize=Resize(height=40, width=56), layers=LAYERS)
    stages = run(freeze_image_graph(recipe).stages, PHOTOS[0])
    assert list(stages) == ["decode", "resize", "layers[0]", "layers[1]", "quantise"]
    decoded = tf.io.decode_jpeg(PHOTOS[0], dct_method="INTEGER_ACCURATE")
    np.testing.assert_array_equal(stages["decode"], decoded)
    np.testing.assert_array_equal(stages["resize"], resize(decoded, recipe.resize))
    bright = LAYERS[0](stages["resize"][None] / np.float32(255))
    np.testing.assert_allclose(stages["layers[0]"], bright[0], atol=1e-6)
    np.testing.assert_allclose(stages["layers[1]"], LAYERS[1](bright)[0], atol=1e-6)
    np.testing.assert_array_equal(stages["quantise"], quantise(stages["layers[1]"], (0.0, 1.0)))


@pytest.mark.parametrize("layers", [[], LAYERS, LAYERS[:1] * 12], ids=len)
def test_the_last_stage_is_the_pixels_however_many_layers_there_are(layers):
    graph = freeze_image_graph(Recipe(layers=layers))
    stages = run(graph.stages, PHOTOS[1])
    assert list(stages)[2:-1] == [f"layers[{i}]" for i in range(len(layers))]
    np.testing.assert_array_equal(stages["quantise"], run(graph.pixels, PHOTOS[1]))


def test_a_mask_goes_its_own_way_to_the_layer_that_takes_it():
    graph = freeze_image_graph(Recipe(layers=[trained_mask_layer()], mask="mask"))
    (mask,) = masks_of(PHOTOS[:1])
    masked = run(graph.stages, PHOTOS[0], mask)["layers[0]"]
    white = tf.io.encode_png(np.full((224, 224, 1), 255, np.uint8)).numpy()
    assert not np.array_equal(masked, run(graph.stages, PHOTOS[0], white)["layers[0]"])


@pytest.mark.parametrize("encoding", ["png", "raw", "float", "jpeg"])
def test_the_image_graph_beside_a_transform_graph_gives_its_pixels_before_they_are_encoded(
    encoding, tmp_path
):
    recipe = Recipe(
        resize=Resize(height=40, width=56), layers=LAYERS, output=Output(encoding=encoding)
    )
    write_transform_graph(recipe, str(tmp_path / "graph"))
    keep, transform = load_transform(str(tmp_path / "graph"))
    stored = transform({"image": tf.constant(PHOTOS)})["image"]
    assert keep is not None
    for data, one in zip(PHOTOS, stored, strict=True):
        pixels = run(read_image_graph(str(tmp_path / "graph")).pixels, data)
        if encoding == "float":
            np.testing.assert_array_equal(pixels, one)
        elif encoding == "jpeg":
            assert tf.io.encode_jpeg(pixels, quality=95) == one
        else:
            np.testing.assert_array_equal(
                pixels, decode_stored(one, recipe.output, recipe.output_shape)
            )


def test_a_transform_graph_of_another_making_has_no_image_graph(tmp_path):
    assert read_image_graph(str(tmp_path)) is None
