"""The frozen way of one image: its pixels, and what it is after each stage."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from pixelbake.errors import RecipeError
from pixelbake.image_graph import freeze_image_graph
from pixelbake.images import decode_stored, quantise, resize
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Output, Recipe, Resize
from pixelbake.transform_graph import (
    load_transform,
    read_image_graph,
    write_transform_graph,
)
from tests.layers.cases import CASES
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
    assert set(stages) == {"decode", "resize", "layers[0]", "layers[1]", "quantise"}
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
    names = {f"layers[{i}]" for i in range(len(layers))}
    assert set(stages) == {"decode", "resize", "quantise"} | names
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


@keras.saving.register_keras_serializable("tests")
class InFloat32(keras.Layer):
    """Halves the pixels, in float32 whatever they are given in."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        return keras.ops.cast(keras.ops.cast(inputs, "float32") * 0.5, self.compute_dtype)


def test_a_layer_that_computes_in_float32_is_refused_where_float64_is_promised():
    layers = [Brightness(1.2), InFloat32()]
    freeze_image_graph(Recipe(layers=layers))
    with pytest.raises(RecipeError, match=r"layers\[1\] \(tests>InFloat32\) computes in float32"):
        freeze_image_graph(Recipe(layers=layers, numerics="float64"))


def test_it_divides_by_no_constant_which_only_some_places_would_turn_into_a_product():
    layer = keras.layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.07, 0.08, 0.09])
    frozen = freeze_image_graph(Recipe(layers=[layer], output=Output(encoding="raw"))).graph_def
    graph = tf.compat.v1.GraphDef.FromString(frozen)
    assert "Mul" in {node.op for node in graph.node}
    assert not [node.name for node in graph.node if node.op in ("RealDiv", "Div", "Sqrt")]


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if 3 in case.channels
        and not case.takes_mask
        and case.config.get("value_range", (0, 1))[0] == 0  # no recipe has other pixels
    ],
    ids=str,
)
def test_it_holds_no_functions_which_would_be_lost_inside_a_map(case):
    layer = case.make()
    value_range = getattr(layer, "value_range", (0.0, 1.0))
    resize = Resize(height=60, width=80, reducing_gap=2.0)
    recipe = Recipe(
        layers=[layer],
        resize=resize,
        value_range=value_range,
        output=Output(encoding="raw"),
        decode={"exif_orientation": True},
    )
    graph = tf.compat.v1.GraphDef.FromString(freeze_image_graph(recipe).graph_def)
    assert [function.signature.name for function in graph.library.function] == []


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if 3 in case.channels and case.config.get("value_range", (0, 1)) == (0, 1)
    ],
    ids=str,
)
def test_every_layer_computes_in_float64_where_that_is_promised(case):
    resize = Resize(height=60, width=80)
    mask = "mask" if case.takes_mask else None
    layer = case.make()
    if case.takes_mask:
        layer.build([(None, None, None, 3), (None, None, None, 1)])
    recipe = Recipe(
        layers=[layer],
        resize=resize,
        mask=mask,
        output=Output(encoding="raw"),
        numerics="float64",
    )
    encoded = PHOTOS[:1] + (masks_of(PHOTOS[:1]) if mask else [])
    pixels = run(freeze_image_graph(recipe).stages, *encoded)["layers[0]"]
    assert pixels.dtype == np.float64


FRESH = """
import sys
import numpy as np
import tensorflow as tf
from pixelbake.image_graph import ImageGraph

data, *paths = sys.argv[1:]
image = open(data, "rb").read()
for path in paths:  # of several recipes, in one process that has never heard of their layers
    graph = ImageGraph(open(path, "rb").read())
    one = tf.function(graph.pixels)(tf.constant(image)).numpy()
    mapped = tf.function(lambda many: tf.map_fn(graph.pixels, many, fn_output_signature=tf.uint8))
    (again,) = mapped(tf.constant([image])).numpy()
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(one, tf.function(graph.stages)(tf.constant(image))["quantise"])
    np.save(path + ".npy", one)
"""


@keras.saving.register_keras_serializable("tests")
class Choosing(keras.Layer):
    """Has branches and a loop, in functions of the graph's own."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        dark = tf.reduce_mean(inputs) < 0.99
        shapes = (tf.TensorShape(()), inputs.shape)
        _, dimmed = tf.while_loop(
            lambda i, x: i < 3,
            lambda i, x: (i + 1, tf.cond(dark, lambda: x * self.factor, lambda: x)),
            (0, inputs),
            shape_invariants=shapes,
        )
        return dimmed

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_a_layer_with_branches_and_loops_runs_in_a_process_that_never_saw_it(tmp_path):
    (tmp_path / "photo").write_bytes(PHOTOS[0])
    factors = {"a": 0.9, "b": 0.5}
    for name, factor in factors.items():
        keras.backend.clear_session()  # names are given anew, as in another process
        graph = freeze_image_graph(Recipe(layers=[Choosing(factor)]))
        (tmp_path / name).write_bytes(graph.graph_def)
    command = [sys.executable, "-c", FRESH, *(str(tmp_path / n) for n in ("photo", *factors))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    before = tf.io.decode_jpeg(PHOTOS[0], dct_method="INTEGER_ACCURATE").numpy() / np.float32(255)
    for name, factor in factors.items():
        expected = np.round(before * np.float32(factor) ** 3 * 255)
        assert np.abs(np.load(tmp_path / f"{name}.npy") - expected).max() <= 1
