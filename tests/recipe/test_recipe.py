import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from pixelbake.layers import Brightness, ConditionalPixelTransform, GaussianBlur
from pixelbake.recipe import Decode, Feature, LayerSpec, Output, Recipe, Resize
from tests.layers.contract import photographs, run_eagerly


def trained_mask(channels=1):
    """A ConditionalPixelTransform whose weights are there and are no initial ones."""
    layer = ConditionalPixelTransform()
    layer.build([(None, None, None, 3), (None, None, None, channels)])
    random = np.random.default_rng(4)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    return layer


def full_recipe():
    return Recipe(
        image="photo",
        mask="segmentation",
        decode=Decode(channels=4),
        resize=Resize(height=16, width=24, method="area", antialias=False),
        layers=[Brightness(1.2, value_range=(0, 255)), trained_mask()],
        value_range=(0, 255),
        output=Output(encoding="float"),
        passthrough={"label": "int64", "box": Feature(dtype="float32", shape=(2, 2))},
    )


RECIPES = {
    "empty": Recipe,
    "blur": lambda: Recipe(layers=[GaussianBlur((3, 5), 1.0), keras.layers.Rescaling([1, 2, 3])]),
    "mask from the image": lambda: Recipe(layers=[trained_mask(3)]),
    "everything": full_recipe,
}
each_recipe = pytest.mark.parametrize("make", RECIPES.values(), ids=RECIPES)


def test_layers_and_specs_and_plain_values_give_equal_recipes():
    recipe = Recipe(layers=[Brightness(1.2), keras.layers.Rescaling(0.5)])
    specs = (
        LayerSpec(layer="Brightness", config={"factor": 1.2}),
        LayerSpec(layer="Rescaling", config={"scale": 0.5}),
    )
    plain = [
        {"layer": "Brightness", "config": {"factor": 1.2, "value_range": [0.0, 1.0]}},
        {"layer": "Rescaling", "config": {"scale": 0.5}},
    ]
    assert recipe.layers == specs
    assert recipe == Recipe(layers=specs) == Recipe(layers=plain)
    assert recipe.hash == Recipe(layers=specs).hash == Recipe(layers=plain).hash


def test_the_name_of_a_layer_object_does_not_matter():
    assert Recipe(layers=[Brightness(2.0, name="a")]) == Recipe(layers=[Brightness(2.0, name="b")])


def test_a_feature_may_be_named_by_its_type_alone():
    recipe = Recipe(passthrough={"label": "int64", "tags": {"dtype": "bytes", "shape": None}})
    assert recipe.passthrough == {
        "label": Feature(dtype="int64", shape=()),
        "tags": Feature(dtype="bytes", shape=None),
    }


@each_recipe
def test_json_and_back_gives_an_equal_recipe_with_one_hash(make):
    recipe = make()
    text = recipe.to_json()
    again = Recipe.from_json(text)
    assert again == recipe
    assert again.to_json() == text
    assert (again.hash, hash(again)) == (recipe.hash, hash(recipe))
    assert "\n" not in text
    assert list(json.loads(text)) == sorted(json.loads(text))


@each_recipe
def test_a_recipe_from_json_gives_the_same_pixels(make):
    recipe = make()
    channels, size = recipe.decode.channels, recipe.input_size
    height, width = (16, 24) if None in size else size
    images = photographs(2, channels, height, width)
    inputs = [images, photographs(2, 1, height, width)] if recipe.mask else images
    expected = run_eagerly(recipe.build_model(), inputs)
    result = run_eagerly(Recipe.from_json(recipe.to_json()).build_model(), inputs)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == np.float32


def test_the_recipes_above_all_differ():
    hashes = {make().hash for make in RECIPES.values()}
    assert len(hashes) == len(RECIPES)
    assert all(len(h) == 64 and int(h, 16) for h in hashes)


@pytest.mark.parametrize(
    "change",
    [
        {"image": "picture"},
        {"decode": {"channels": 1}},
        {"resize": {"height": 8, "width": 9}},
        {"layers": [Brightness(1.3)]},
        {"layers": [Brightness(1.2), Brightness(1.2)]},
        {"layers": []},
        {"output": {"encoding": "raw"}},
        {"output": {"encoding": "jpeg", "jpeg_quality": 90}},
        {"passthrough": {"label": "float32"}},
    ],
    ids=str,
)
def test_any_change_makes_another_recipe_with_another_hash(change):
    base = {"layers": [Brightness(1.2)]}
    changed = Recipe(**{**base, **change})
    assert changed != Recipe(**base)
    assert changed.hash != Recipe(**base).hash


def test_one_other_weight_makes_another_hash():
    layer = trained_mask(3)
    before = Recipe(layers=[layer])
    layer.set_weights([w + 1e-3 for w in layer.get_weights()])
    assert Recipe(layers=[layer]) != before
    assert Recipe(layers=[layer]).hash != before.hash


def test_recipes_serve_as_keys_and_set_members():
    one, same, other = (Recipe(layers=[Brightness(f)]) for f in (1.2, 1.2, 1.3))
    assert {one, same, other} == {one, other}
    assert {one: "found"}[same] == "found"


def test_equal_recipes_have_equal_hashes_whole_numbers_included():
    one = Recipe(layers=[keras.layers.Rescaling(1)])
    same = Recipe(layers=[keras.layers.Rescaling(1.0)])
    assert one == same
    assert (one.hash, hash(one)) == (same.hash, hash(same))


def test_the_hash_is_the_same_in_another_process():
    code = (
        "from pixelbake.recipe import Recipe; import sys; "
        "print(Recipe.from_json(sys.stdin.read()).hash)"
    )
    recipe = full_recipe()
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=recipe.to_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == recipe.hash


def test_an_attribute_can_not_be_set():
    recipe = Recipe()
    with pytest.raises(ValidationError, match="frozen"):
        recipe.image = "photo"
    with pytest.raises(ValidationError, match="frozen"):
        recipe.decode.channels = 1
    assert recipe == Recipe()


def test_the_weights_of_a_layer_are_frozen_as_they_were():
    layer = trained_mask(3)
    images = photographs(1, 3, 12, 14)
    expected = run_eagerly(layer, [images, images])
    recipe = Recipe(layers=[layer])
    layer.set_weights([np.zeros(w.shape) for w in layer.weights])
    model = recipe.build_model()
    np.testing.assert_array_equal(run_eagerly(model, images), expected)
    assert not model.trainable_weights


def test_a_normalization_keeps_the_statistics_that_it_was_given():
    layer = keras.layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 4.0])
    images = photographs(1, 3, 8, 8)
    np.testing.assert_allclose(
        run_eagerly(Recipe(layers=[layer]).build_model(), images),
        (images - [0.1, 0.2, 0.3]) / np.sqrt([1.0, 2.0, 4.0]),
        atol=1e-6,
    )


def test_a_normalization_adapted_to_data_can_be_baked():
    layer = keras.layers.Normalization()
    images = photographs(2, 3, 8, 8)
    layer.adapt(images)
    result = run_eagerly(Recipe(layers=[layer]).build_model(), images)
    np.testing.assert_allclose(result, run_eagerly(layer, images), atol=1e-6)


def test_without_layers_the_pixels_stay_as_they_are():
    images = photographs(1, 3, 8, 8)
    np.testing.assert_array_equal(run_eagerly(Recipe().build_model(), images), images)


def test_without_resize_a_model_takes_every_size():
    model = Recipe(layers=[GaussianBlur(3, 1.0)]).build_model()
    for size in ((8, 9), (13, 5)):
        assert model(photographs(1, 3, *size)).shape == (1, *size, 3)


def test_a_model_with_a_mask_multiplies_by_what_the_mask_gives():
    layer = trained_mask()
    model = Recipe(mask="m", layers=[keras.layers.Rescaling(0.5), layer]).build_model()
    images, masks = photographs(1, 3, 10, 12), photographs(1, 1, 10, 12)
    expected = run_eagerly(layer, [images * np.float32(0.5), masks])
    np.testing.assert_allclose(run_eagerly(model, [images, masks]), expected, atol=1e-7)
    assert [tensor.name for tensor in model.inputs] == ["image", "mask"]


def test_jpeg_quality_is_95_unless_given_and_only_jpeg_loses():
    assert Output(encoding="jpeg").quality == 95
    assert Output(encoding="jpeg", jpeg_quality=1).quality == 1
    assert all(Output(encoding=e).lossless for e in ("png", "raw", "float"))
    assert not Output(encoding="jpeg").lossless
