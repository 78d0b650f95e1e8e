import keras
import numpy as np
import pytest

from pixelbake.errors import ConfigError
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import (
    Decode,
    Feature,
    Output,
    Recipe,
    Resize,
    layers_from_keras_file,
    recipe_from_yaml,
)
from tests.layers.contract import photographs, run_eagerly
from tests.recipe.keras_files import Noisy, masking_model, save, sequential

WHOLE = """\
# Every key there is, but mask, which needs a layer with weights.
image: photo
decode: {channels: 1}
resize:
  height: 0x10
  width: 24
  method: area
  antialias: false
value_range: [0, 255]
layers:
  - {layer: Brightness, config: {factor: 1.2, value_range: [0, 255]}}
  - layer: GaussianBlur
    config:
      kernel_size: [3, 5]
      sigma: 2.0
output:
  encoding: jpeg
  jpeg_quality: 90
passthrough:
  label: int64
  "yes": bytes
  box: {dtype: float32, shape: [2, 2]}
  tags: {dtype: bytes, shape: null}
"""


def write(folder, text, name="recipe.yaml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def error_of(path):
    with pytest.raises(ConfigError) as caught:
        recipe_from_yaml(path)
    return str(caught.value)


def test_a_file_with_every_key_equals_the_recipe_in_python(tmp_path):
    assert recipe_from_yaml(write(tmp_path, WHOLE)) == Recipe(
        image="photo",
        decode=Decode(channels=1),
        resize=Resize(height=16, width=24, method="area", antialias=False),
        value_range=(0, 255),
        layers=[Brightness(1.2, value_range=(0, 255)), GaussianBlur((3, 5), 2.0)],
        output=Output(encoding="jpeg", jpeg_quality=90),
        passthrough={
            "label": "int64",
            "yes": "bytes",
            "box": Feature(dtype="float32", shape=(2, 2)),
            "tags": Feature(dtype="bytes", shape=None),
        },
    )


def test_it_survives_json_and_has_the_hash_of_the_recipe_in_python(tmp_path):
    recipe = recipe_from_yaml(write(tmp_path, "layers: [{layer: Rescaling, config: {scale: 2.5}}]"))
    python = Recipe(layers=[keras.layers.Rescaling(2.5)])
    assert recipe.hash == python.hash
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_path_may_be_text_and_a_byte_order_mark_may_be_there(tmp_path):
    path = write(tmp_path, "\ufeffimage: Bild-ä\n")
    assert recipe_from_yaml(str(path)) == Recipe(image="Bild-ä")


def test_layers_come_from_a_keras_file_beside_the_yaml_file(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    model = sequential()
    saved = save(model, tmp_path / "models")
    path = write(tmp_path, "layers: {keras_file: models/model.keras}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    recipe = recipe_from_yaml(path)
    assert recipe == Recipe(layers=layers_from_keras_file(saved))
    images = photographs(1, 3, 12, 14)
    result = run_eagerly(recipe.build_model(), images)
    np.testing.assert_allclose(result, run_eagerly(model, images), atol=1e-6)
    absolute = write(tmp_path, f"layers:\n  keras_file: {saved}\n", "absolute.yaml")
    assert recipe_from_yaml(absolute) == recipe


def test_a_keras_file_over_image_and_mask_needs_the_mask_to_be_named(tmp_path):
    save(masking_model(), tmp_path)
    layers = "layers: {keras_file: model.keras}\n"
    named = recipe_from_yaml(write(tmp_path, "mask: segmentation\n" + layers))
    assert (named.mask, len(named.layers)) == ("segmentation", 4)
    assert "layers[1] (ConditionalPixelTransform)" in error_of(write(tmp_path, layers))


#: What stands in a file, and how its error goes on after the file's name.
MISTAKES = {
    "duplicate key": ("image: a\nimage: b\n", ', line 2: found duplicate key "image"'),
    "duplicate key inside": (
        "resize:\n  height: 1\n  width: 2\n  height: 3\n",
        ', line 4: found duplicate key "height"',
    ),
    "alias": ("image: &name a\nmask: *name\n", ", line 2: the alias *name is not allowed"),
    "alias in a merge": (
        "resize: &r {height: 1, width: 1}\ndecode:\n  <<: *r\n",
        ", line 3: the alias *r is not allowed",
    ),
    "unknown key": ("image: a\nimag: b\n", ", line 2, imag: unknown key. Received: 'b'"),
    "unknown key inside": (
        "resize:\n  height: 1\n  width: 1\n  hight: 2\n",
        ", line 4, resize.hight: unknown key. Received: 2. Did you mean 'height'? Take one of anti",
    ),
    "argument beside the layer": (
        "layers:\n  - {layer: Brightness, factor: 1.2}\n",
        ", line 2, layers.0.factor: unknown key. Received: 1.2. Take one of config, layer, weights",
    ),
    "key of a feature": (
        "passthrough:\n  a: {dtype: int64, shap: null}\n",
        ", line 2, passthrough.a.shap: unknown key. Received: None. Did you mean 'shape'? Take",
    ),
    "missing key": ("image: a\nresize:\n  height: 1\n", ", line 2, resize.width: Field required"),
    "text for a number": (
        "resize:\n  height: 1\n  width: '4'\n",
        ", line 3, resize.width: Input should be a valid integer. Received: '4'",
    ),
    "float for an integer": (
        "image: a\nresize: {height: 1.0, width: 4}\n",
        ", line 2, resize.height: Input should be a valid integer. Received: 1.0",
    ),
    "yes for true": (
        "resize:\n  height: 1\n  width: 1\n  antialias: yes\n",
        ", line 4, resize.antialias: Input should be a valid boolean. Received: 'yes'",
    ),
    "date for a name": ("\nimage: 2020-01-01\n", ", line 2, image: Input should be a valid string"),
    "nothing for a name": ("image:\n", ", line 1, image: Input should be a valid string. Rec"),
    "list for a mapping": ("image: a\nresize: [1, 1]\n", ", line 2, resize: Input should be"),
    "not a number": ("value_range:\n  - 0\n  - .nan\n", ", line 3, value_range.1: Input should"),
    "other range": ("value_range: [0, 2]\n", ", line 1, value_range: value_range must be (0, 1)"),
    "other encoding": ("output:\n  encoding: gif\n", ", line 2, output.encoding: Input should be"),
    "quality of png": ("output:\n  jpeg_quality: 3\n", ", line 1, output: jpeg_quality belongs to"),
    "feature type": ("passthrough:\n  a: int64\n  b: int32\n", ", line 3, passthrough.b.dtype: "),
    "number for layers": ("layers: 3\n", ", line 1, layers: Input should be a list. Rec"),
    "refused layer": (
        "layers:\n  - {layer: ReLU}\n  - config: {}\n    layer: RandomFlip\n",
        ", line 4, layers.1.layer: layer 'RandomFlip' is random;",
    ),
    "layer's argument": (
        "layers:\n  - layer: ReLU\n  - layer: Brightness\n    config: {factor: -1}\n",
        ", line 3, layers.1: layer 'Brightness' does not take this config: factor must be at",
    ),
    "other keras key": (
        "image: a\nlayers: {keras_fil: model.keras}\n",
        ", line 2, layers: expected a list of layers, or keras_file with a path. Received: "
        "{'keras_fil': 'model.keras'}",
    ),
    "two keras keys": ("layers: {keras_file: a.keras, b: 1}\n", ", line 1, layers: expected a"),
    "number for a keras file": ("layers:\n  keras_file: 3\n", ", line 1, layers: expected a list"),
    "tab": ("image: a\n\tmask: b\n", ", line 2: found character '\\t' that cannot start"),
    "open bracket": ("image: [a\n", ", line 2: expected ',' or ']'"),
    "two documents": ("image: a\n---\nimage: b\n", ", line 2: but found another document"),
    "empty": ("", ": expected keys and values. Received: NoneType"),
    "only a comment": ("# nothing\n", ": expected keys and values. Received: NoneType"),
    "list": ("- a\n", ": expected keys and values. Received: CommentedSeq"),
    "text": ("recipe\n", ": expected keys and values. Received: "),
    "Latin-1": ("image: ä\n".encode("latin-1"), ": not UTF-8: "),
    "UTF-16": ("image: a\n".encode("utf-16"), ": not UTF-8: "),
    "too large": ("#" * (2**20 + 1), ": 1048577 bytes; at most 1048576 are read"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_with_file_line_and_key(text, message, tmp_path):
    path = write(tmp_path, text)
    assert error_of(path).startswith(f"{path}{message}")


LAYER_WITHOUT_WEIGHTS = "layers:\n  - {layer: Conv2D, config: {filters: 3, kernel_size: 1}}\n"


def test_a_mistake_of_the_recipe_as_a_whole_is_refused_with_the_file_and_what_it_is(tmp_path):
    path = write(tmp_path, "image: a\n" + LAYER_WITHOUT_WEIGHTS)
    message = error_of(path)
    assert message.startswith(f"{path}, line ")
    assert "layers[0] (Conv2D) has weights of shapes [(1, 1, 3, 3), (3,)]" in message


@pytest.mark.parametrize(
    ("text", "where"), [("mask: b\n", "line 2, mask"), (LAYER_WITHOUT_WEIGHTS, "line 3, layers.0")]
)
def test_a_mistake_of_the_recipe_as_a_whole_is_refused_with_line_and_key(text, where, tmp_path):
    path = write(tmp_path, "image: a\n" + text)
    assert error_of(path).startswith(f"{path}, {where}: ")


def test_every_mistake_is_named_at_once(tmp_path):
    path = write(tmp_path, "imag: a\nresize:\n  height: 0\n  width: x\n")
    message = error_of(path)
    assert len(message.splitlines()) == 3
    for where in ("line 1, imag: ", "line 3, resize.height: ", "line 4, resize.width: "):
        assert f"{path}, {where}" in message


def test_a_missing_file_and_a_folder_are_refused_with_their_names(tmp_path):
    missing = tmp_path / "none.yaml"
    assert error_of(missing) == f"{missing}: No such file or directory"
    assert error_of(tmp_path) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize("name", ["none.keras", "model.h5", "broken.keras"])
def test_a_keras_file_that_can_not_be_read_is_refused_with_both_files(name, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"no zip file")
    path = write(tmp_path, f"image: a\n\nlayers: {{keras_file: {name}}}\n")
    message = error_of(path)
    assert message.startswith(f"{path}, line 3, layers.keras_file: ")
    assert str(tmp_path / name) in message


def test_a_keras_file_with_a_hidden_random_layer_is_refused_with_file_and_line(tmp_path):
    save(keras.Sequential([keras.Input((8, 8, 3)), Noisy()]), tmp_path)
    path = write(tmp_path, "image: a\nlayers: {keras_file: model.keras}\n")
    assert error_of(path).startswith(f"{path}, line 2, layers.keras_file: ")


@pytest.mark.parametrize(
    "value", ['"\x07"', '"\x00"', "2020-99-99", "!!int abc", "9" * 5000], ids=range(5)
)
def test_a_value_that_yaml_itself_can_not_make_is_refused_with_the_file(value, tmp_path):
    path = write(tmp_path, f"image: {value}\n")
    assert error_of(path).startswith(f"{path}{', line 1' if value.startswith(chr(34)) else ''}: ")
