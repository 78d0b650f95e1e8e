import keras
import numpy as np
import pytest

from pixelbake.errors import RecipeError
from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur
from pixelbake.recipe import LayerSpec, Recipe, Weight


def convolution(kernel=None, bias=None, filters=3):
    """A spec of a 1x1 convolution over three channels, with these weights."""
    weights = None
    if kernel is not None:
        weights = [Weight.from_array(kernel), Weight.from_array(bias)]
    config = {"filters": filters, "kernel_size": 1}
    return LayerSpec(layer="Conv2D", config=config, weights=weights)


def ones(*shape):
    return np.ones(shape, np.float32)


#: Arguments of a recipe, where the mistake is, and what the error says of it.
REFUSED = {
    "unknown attribute": ({"imag": "x"}, "imag", "Received: 'x'"),
    "image without name": ({"image": ""}, "image", "Received: ''"),
    "image of another type": ({"image": b"image"}, "image", "Received: b'image'"),
    "mask without name": ({"mask": ""}, "mask", "Received: ''"),
    "two channels": ({"decode": {"channels": 2}}, "decode.channels", "Received: 2"),
    "channels as text": ({"decode": {"channels": "3"}}, "decode.channels", "Received: '3'"),
    "no height": ({"resize": {"height": 0, "width": 4}}, "resize.height", "Received: 0"),
    "too wide": ({"resize": {"height": 4, "width": 65_536}}, "resize.width", "Received: 65536"),
    "height as float": ({"resize": {"height": 4.0, "width": 4}}, "resize.height", "Received: 4.0"),
    "no width": ({"resize": {"height": 4}}, "resize.width", "Received: {'height': 4}"),
    "one size alone": ({"resize": 224}, "resize", "Received: 224"),
    "other method": (
        {"resize": {"height": 4, "width": 4, "method": "cubic"}},
        "resize.method",
        "Received: 'cubic'",
    ),
    "gap below 1": (
        {"resize": {"height": 4, "width": 4, "reducing_gap": 0.5}},
        "resize.reducing_gap",
        "Received: 0.5",
    ),
    "gap for nearest": (
        {"resize": {"height": 4, "width": 4, "method": "nearest", "reducing_gap": 2.0}},
        "resize",
        "Received: reducing_gap=2.0. Remove one of them",
    ),
    "antialias as number": (
        {"resize": {"height": 4, "width": 4, "antialias": 1}},
        "resize.antialias",
        "Received: 1",
    ),
    "other range": ({"value_range": (0, 2)}, "value_range", "Received: value_range=(0.0, 2.0)"),
    "endless range": ({"value_range": (0, float("inf"))}, "value_range.1", "Received: inf"),
    "half a range": ({"value_range": (0,)}, "value_range.1", "Received: (0,)"),
    "range of text": ({"value_range": ("0", "1")}, "value_range.0", "Received: '0'"),
    "other encoding": ({"output": {"encoding": "webp"}}, "output.encoding", "Received: 'webp'"),
    "quality of png": (
        {"output": {"encoding": "png", "jpeg_quality": 3}},
        "output",
        "Received: encoding='png', jpeg_quality=3. Remove jpeg_quality",
    ),
    "quality above 100": (
        {"output": {"encoding": "jpeg", "jpeg_quality": 101}},
        "output.jpeg_quality",
        "Received: 101",
    ),
    "other feature type": (
        {"passthrough": {"a": "int32"}},
        "passthrough.a.dtype",
        "Received: 'int32'",
    ),
    "empty feature": (
        {"passthrough": {"a": {"dtype": "int64", "shape": [0]}}},
        "passthrough.a.shape.0",
        "Received: 0",
    ),
    "features as list": ({"passthrough": ["label"]}, "passthrough", "Received: ['label']"),
    "one layer alone": ({"layers": Brightness(1.0)}, "layers", "Received: <Brightness"),
    "layer by bare name": ({"layers": ["Brightness"]}, "layers.0", "Received: 'Brightness'"),
    "class of a layer": ({"layers": [Brightness]}, "layers.0", "Received: <class"),
    "second layer": (
        {"layers": [Brightness(1.0), keras.layers.Dropout(0.5)]},
        "layers.1",
        "Received: layer='Dropout'",
    ),
}


@pytest.mark.parametrize(("arguments", "where", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_value_is_refused_with_its_place_and_itself(arguments, where, message):
    with pytest.raises(RecipeError) as caught:
        Recipe(**arguments)
    lines = [line for line in str(caught.value).splitlines() if message in line]
    assert [line.partition(": ")[0] for line in lines] == [f"Recipe, {where}"]


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"passthrough": {"image": "int64"}}, r"image='image', mask=None, pass.*\['image'\]"),
        ({"image": "m", "mask": "m"}, r"image='m', mask='m', passthrough=\[\]"),
        ({"mask": "m", "passthrough": {"m": "bytes"}}, r"mask='m', passthrough=\['m'\]"),
    ],
)
def test_a_name_for_two_features_is_refused(arguments, received):
    with pytest.raises(RecipeError, match=f"is named twice.*Received: .*{received}"):
        Recipe(**arguments)


def test_a_mask_that_no_layer_uses_is_refused():
    with pytest.raises(RecipeError, match=r"no layer uses the mask. Received: mask='m'"):
        Recipe(mask="m", layers=[Brightness(1.0)])


def test_a_layer_for_another_range_is_refused_whichever_of_the_two_is_wrong():
    expected = r"'Brightness' expects pixels in \({}, {}\).*Received: value_range=\[{}, {}\]"
    with pytest.raises(RecipeError, match=expected.format(0.0, 255.0, 0.0, 255.0)):
        Recipe(layers=[Brightness(1.0, value_range=(0, 255))])
    with pytest.raises(RecipeError, match=expected.format(0.0, 1.0, 0.0, 1.0)):
        Recipe(value_range=(0, 255), layers=[Brightness(1.0)])
    with pytest.raises(RecipeError, match=r"'AutoContrast' expects pixels in \(0, 255\)"):
        Recipe(layers=[keras.layers.AutoContrast()])
    assert Recipe(value_range=(0, 255), layers=[Brightness(1.0, value_range=(0, 255))])


def test_a_layer_without_its_weights_is_refused():
    with pytest.raises(
        RecipeError, match=r"layers\[1\] \(Conv2D\) has weights of shapes \[\(1, 1, 3, 3\)"
    ) as caught:
        Recipe(layers=[Brightness(1.0), convolution()])
    assert "none are given" in str(caught.value)
    with pytest.raises(RecipeError, match=r"layers\[0\] \(ConditionalPixelTransform\)"):
        Recipe(layers=[ConditionalPixelTransform()])


@pytest.mark.parametrize(
    ("spec", "received"),
    [
        (convolution(ones(1, 1, 3, 2), ones(3)), r"\[\(1, 1, 3, 2\), \(3,\)\]"),
        (convolution(ones(3), ones(1, 1, 3, 3)), r"\[\(3,\), \(1, 1, 3, 3\)\]"),
        (
            LayerSpec(layer="ReLU", weights=[Weight.from_array(ones(3))]),
            r"\[\(3,\)\]",
        ),
    ],
    ids=["wrong shape", "wrong order", "no weights wanted"],
)
def test_weights_of_other_shapes_are_refused(spec, received):
    with pytest.raises(RecipeError, match=rf"has weights of shapes .*Received: {received}"):
        Recipe(layers=[spec])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    kernel = ones(1, 1, 3, 3)
    kernel[0, 0, 1, 1] = value
    with pytest.raises(RecipeError, match=r"layers\[0\] \(Conv2D\).*not finite"):
        Recipe(layers=[convolution(kernel, ones(3))])


def test_large_finite_weights_are_taken():
    assert Recipe(layers=[convolution(ones(1, 1, 3, 3) * 3e38, ones(3))])


def test_a_layer_that_does_not_take_what_the_one_before_gives_is_refused():
    with pytest.raises(RecipeError) as caught:
        Recipe(resize={"height": 4, "width": 4}, layers=[Brightness(1.0), GaussianBlur(9, 1.0)])
    message = str(caught.value)
    assert "layers[1] (GaussianBlur) does not take what it is given" in message
    assert "Received: shape (None, 4, 4, 3)" in message


@pytest.mark.parametrize(
    ("encoding", "channels", "filters"), [("png", 3, 2), ("jpeg", 4, None), ("jpeg", 3, 4)]
)
def test_an_encoding_that_can_not_hold_the_channels_is_refused(encoding, channels, filters):
    layers = [convolution(ones(1, 1, 3, filters), ones(filters), filters)] if filters else []
    with pytest.raises(RecipeError, match=f"Received: {filters or channels} channels"):
        Recipe(output={"encoding": encoding}, decode={"channels": channels}, layers=layers)
    assert Recipe(output={"encoding": "raw"}, decode={"channels": channels}, layers=layers)


def test_float_output_without_one_size_is_refused():
    with pytest.raises(RecipeError, match=r"needs images of one size. Received: resize=None"):
        Recipe(output={"encoding": "float"})
    fixing = LayerSpec(layer="Resizing", config={"height": 8, "width": 9})
    model = Recipe(output={"encoding": "float"}, layers=[fixing]).build_model()
    assert model.output_shape == (None, 8, 9, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: .*line 1"),
        ("", "not JSON: "),
        ("[]", r"^Recipe: .*Received: \[\]"),
        ('{"resize": 3}', "^Recipe, resize: .*Received: 3"),
        ('{"imag": "x"}', "^Recipe, imag: unknown key. Received: 'x'"),
        ('{"layers": [{"layer": "Lambda"}]}', "Received: layer='Lambda'"),
        ('{"value_range": [0, NaN]}', "Received: nan"),
    ],
)
def test_json_that_holds_no_recipe_is_refused(text, message):
    with pytest.raises(RecipeError, match=message):
        Recipe.from_json(text)
