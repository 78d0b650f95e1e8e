"""The transform graph on disk: for TensorFlow Transform's readers, and for plain TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow.core.protobuf import saved_model_pb2

import pixelbake
from pixelbake.errors import RecipeError, RunError
from pixelbake.layers import GaussianBlur
from pixelbake.preprocessing import raw_feature_spec
from pixelbake.recipe import Decode, Feature, Output, Recipe, Resize
from pixelbake.transform_graph import (
    load_transform,
    read_recipe,
    write_recipe,
    write_transform_graph,
)
from tests.analyze_and_transform import analyze_and_transform
from tests.raw_examples import digits, example, masks_of, photos
from tests.trained_mask_layer import trained_mask_layer

ENCODINGS = ["png", "raw", "jpeg", "float"]
PASSTHROUGH = {
    "label": "int64",
    "name": "bytes",
    "box": Feature(dtype="float32", shape=(2, 3)),
    "tags": Feature(dtype="int64", shape=None),
}


def recipe_for(encoding):
    return Recipe(
        mask="mask",
        resize=Resize(height=20, width=30),
        layers=[GaussianBlur(3, 1.0), trained_mask_layer()],
        output=Output(encoding=encoding),
        passthrough=PASSTHROUGH,
    )


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """Folders of the graphs of `recipe_for`, by encoding."""
    folder = tmp_path_factory.mktemp("graphs")
    for encoding in ENCODINGS:
        write_transform_graph(recipe_for(encoding), str(folder / encoding))
    return {encoding: str(folder / encoding) for encoding in ENCODINGS}


@pytest.fixture(scope="module")
def stock_graph(tmp_path_factory):
    """A graph that TensorFlow Transform wrote, for a schema without shapes."""
    images, labels = digits(3)
    examples = [example(image=[i], label=[n]) for i, n in zip(images, labels, strict=True)]
    recipe = Recipe(decode=Decode(channels=1), passthrough={"label": "int64"})
    spec = {"image": tf.io.VarLenFeature(tf.string), "label": tf.io.VarLenFeature(tf.int64)}
    function = pixelbake.make_preprocessing_fn(recipe)
    return analyze_and_transform(function, examples, spec, tmp_path_factory.mktemp("stock"))[1]


@pytest.fixture(scope="module")
def whole_features():
    images = photos(3)
    return {
        "image": tf.constant(images),
        "mask": tf.constant(masks_of(images)),
        "label": tf.constant([3, 1, 2], tf.int64),
        "name": tf.constant([b"a", b"b", b"c"]),
        "box": tf.reshape(tf.range(18.0), (3, 2, 3)),
        "tags": tf.SparseTensor([[0, 0], [2, 0]], tf.constant([8, 9], tf.int64), (3, 1)),
    }


def comparable(spec):
    """Returns the spec with shapes as tuples: TFT gives lists."""
    return {
        name: one._replace(shape=tuple(one.shape)) if hasattr(one, "shape") else one
        for name, one in spec.items()
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tft_opens_the_graph_and_knows_what_it_gives(graphs, encoding):
    image = (
        tf.io.FixedLenFeature((20, 30, 3), tf.float32)
        if encoding == "float"
        else tf.io.FixedLenFeature((), tf.string)
    )
    spec = tft.TFTransformOutput(graphs[encoding]).transformed_feature_spec()
    assert comparable(spec) == {
        "image": image,
        "label": tf.io.FixedLenFeature((), tf.int64),
        "name": tf.io.FixedLenFeature((), tf.string),
        "box": tf.io.FixedLenFeature((2, 3), tf.float32),
        "tags": tf.io.VarLenFeature(tf.int64),
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_raw_metadata_are_those_of_the_input_examples(graphs, encoding):
    raw = tft.TFTransformOutput(graphs[encoding]).raw_feature_spec()
    assert comparable(raw) == comparable(raw_feature_spec(recipe_for(encoding)))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tft_and_plain_tensorflow_apply_the_graph_as_the_preprocessing_fn_does(
    graphs, encoding, whole_features
):
    function = pixelbake.make_preprocessing_fn(recipe_for(encoding))
    expected = tf.function(function, autograph=False)(whole_features)
    output = tft.TFTransformOutput(graphs[encoding])
    by_tft = tf.function(output.transform_raw_features, autograph=False)(whole_features)
    _loaded, transform = load_transform(graphs[encoding])
    for result in (by_tft, transform(whole_features)):
        assert sorted(result) == sorted(expected)
        for name, value in expected.items():
            both = (result[name], value)
            np.testing.assert_array_equal(
                *map(tf.sparse.to_dense, both) if name == "tags" else both
            )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_graph_holds_no_variables_and_no_kernel_of_keras(graphs, encoding):
    folder = f"{graphs[encoding]}/transform_fn"
    with open(f"{folder}/saved_model.pb", "rb") as file:
        model = saved_model_pb2.SavedModel.FromString(file.read())
    graph = model.meta_graphs[0].graph_def
    ops = {node.op for node in graph.node}
    ops |= {node.op for function in graph.library.function for node in function.node_def}
    assert "DecodeJpeg" in ops
    assert {"DepthwiseConv2dNative", "Conv2D"} & ops
    assert not {op for op in ops if "Variable" in op or op == "VarHandleOp" or "Table" in op}
    names = [name for name, _ in tf.train.list_variables(f"{folder}/variables/variables")]
    assert names == ["_CHECKPOINTABLE_OBJECT_GRAPH"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_features_may_be_left_out_whatever_their_kind(graphs, encoding, whole_features):
    _loaded, transform = load_transform(graphs[encoding])
    images = {name: whole_features[name] for name in ("image", "mask")}
    result = transform(images)
    np.testing.assert_array_equal(result["image"], transform(whole_features)["image"])
    assert result["label"].shape == (3,)
    assert result["box"].shape == (3, 2, 3)
    assert result["tags"].dense_shape.numpy().tolist() == [3, 1]


def test_features_may_be_left_out_in_a_graph_of_unknown_batch_size(graphs, whole_features):
    loaded, transform = load_transform(graphs["png"])
    spec = tf.TensorSpec((None,), tf.string)

    @tf.function(input_signature=[spec, spec], autograph=False)
    def images_of(image, mask):
        return transform({"image": image, "mask": mask})["image"]

    expected = transform(whole_features)["image"]
    for count in (0, 1, 3):
        result = images_of(whole_features["image"][:count], whole_features["mask"][:count])
        np.testing.assert_array_equal(result, expected[:count])
    assert loaded.transform_fn is not None  # as the docstring asks, it was kept alive


@pytest.mark.parametrize("given", ["sparse", "label first"])
def test_a_graph_of_stock_transform_is_opened_just_so(stock_graph, given):
    images, labels = digits(3)
    _loaded, transform = load_transform(stock_graph)
    features = {"image": tf.sparse.from_dense(tf.constant(images)[:, tf.newaxis])}
    if given == "label first":
        label = tf.sparse.from_dense(tf.constant(labels, tf.int64)[:, tf.newaxis] + 1)
        features = {"label": label, **features}
    function = pixelbake.make_preprocessing_fn(Recipe(decode=Decode(channels=1)))
    expected = tf.function(function, autograph=False)({"image": tf.constant(images)})["image"]
    np.testing.assert_array_equal(transform(features)["image"], expected)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_recipe_lies_beside_the_graph(graphs, encoding):
    assert read_recipe(graphs[encoding]) == recipe_for(encoding)
    assert read_recipe(graphs[encoding] + "/") == recipe_for(encoding)


def test_a_graph_of_stock_transform_has_a_recipe_once_it_is_given_one(stock_graph):
    with pytest.raises(RunError, match=r"recipe\.json does not exist.*pass recipe="):
        read_recipe(stock_graph)
    write_recipe(recipe_for("png"), stock_graph)
    assert read_recipe(stock_graph) == recipe_for("png")
    tf.io.gfile.remove(f"{stock_graph}/recipe.json")


def test_a_damaged_recipe_is_not_taken_for_an_absent_one(tmp_path):
    (tmp_path / "recipe.json").write_text('{"image": ')
    with pytest.raises(RecipeError, match="not JSON"):
        read_recipe(str(tmp_path))
