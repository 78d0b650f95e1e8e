"""Layers inside of layers: as data, from YAML and `.keras` files, baked and refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import pixelbake
from pixelbake.errors import ConfigError, RecipeError
from pixelbake.layers import (
    BoxMask,
    Brightness,
    CombinedMask,
    EllipseMask,
    FeatureMask,
    Fill,
    GaussianBlur,
    Invert,
    Masked,
    ThresholdMask,
)
from pixelbake.recipe import LayerSpec, Output, Recipe, layers_from_keras_file, recipe_from_yaml
from pixelbake.recipe.description import describe_stages
from tests.layers.contract import photographs, run_eagerly
from tests.raw_examples import masks_of, photos
from tests.recipe.keras_files import Noisy, change_config, save, scramble
from tests.trained_mask_layer import trained_mask_layer

YAML = """\
mask: segmentation
layers:
  - layer: Masked
    config:
      mask:
        - layer: CombinedMask
          config:
            mode: union
            masks:
              - {layer: FeatureMask, config: {classes: [3, 255]}}
              - - {layer: BoxMask, config: {box: [0, 0, 1, 0.5]}}
                - {layer: Invert}
        - {layer: GaussianBlur, config: {kernel_size: 3, sigma: 1.0}}
      inside: {layer: Brightness, config: {factor: 0.5}}
      outside:
        - {layer: GaussianBlur, config: {kernel_size: 5, sigma: 2.0}}
        - {layer: Fill, config: {color: [0.2, 0.4, 0.6]}}
"""


def nested_in_python():
    union = CombinedMask("union", [FeatureMask([3, 255]), [BoxMask((0, 0, 1, 0.5)), Invert()]])
    return Masked(
        [union, GaussianBlur(3, 1.0)],
        inside=Brightness(0.5),
        outside=[GaussianBlur(5, 2.0), Fill((0.2, 0.4, 0.6))],
    )


def trained_convolution():
    """A convolution that makes a mask, with weights that no initialiser gives."""
    layer = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")
    layer.build((None, None, None, 3))
    return scramble(keras.Sequential([keras.Input((None, None, 3)), layer])).layers[0]


def write(folder, text):
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def error_of(path):
    with pytest.raises(ConfigError) as caught:
        recipe_from_yaml(path)
    return str(caught.value).removeprefix(f"{path}, ")


def test_nested_layers_in_yaml_equal_those_in_python(tmp_path):
    recipe = recipe_from_yaml(write(tmp_path, YAML))
    python = Recipe(layers=[nested_in_python()], mask="segmentation")
    assert recipe == python
    assert recipe.hash == python.hash
    assert Recipe.from_json(recipe.to_json()) == recipe
    images, given = photographs(2, 3, 16, 20), photographs(2, 1, 16, 20)[:, ::-1]
    expected = run_eagerly(nested_in_python(), [images, given])
    np.testing.assert_array_equal(run_eagerly(recipe.build_model(), [images, given]), expected)


def test_a_list_of_one_layer_is_that_layer():
    box, fill = BoxMask((0, 0, 1, 0.5)), Fill(0)
    one, chain = Masked(box, inside=fill), Masked([box], inside=[fill])
    assert LayerSpec.model_validate(one) == LayerSpec.model_validate(chain)
    spec = LayerSpec.model_validate(one)
    assert spec.config["mask"]["layer"] == "BoxMask"
    assert spec.config["outside"] is None


def test_trained_layers_keep_their_weights_inside_of_others(tmp_path):
    layer = Masked(
        trained_convolution(), outside=Masked([trained_convolution(), Invert()], inside=Fill(0))
    )
    images = photographs(2, 3, 16, 20)
    expected = run_eagerly(layer, images)
    assert np.ptp(expected) > 0.1
    recipe = Recipe(layers=[layer])
    spec = recipe.layers[0]
    assert spec.weights is None
    assert [w["shape"] for w in spec.config["mask"]["weights"]] == [[3, 3, 3, 1], [1]]
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    np.testing.assert_array_equal(run_eagerly(again.build_model(), images), expected)
    layer.mask[0].kernel.assign_add(np.full((3, 3, 3, 1), 1e-3))
    assert Recipe(layers=[layer]).hash != recipe.hash


def test_a_keras_file_with_nested_layers_comes_back(tmp_path):
    image, mask = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    layer = Masked([FeatureMask(), Invert()], inside=trained_mask_layer(), outside=Brightness(0.7))
    model = keras.Model([image, mask], layer([image, mask]))
    inputs = [photographs(2, 3, 12, 17), photographs(2, 1, 12, 17)[:, ::-1]]
    recipe = Recipe(layers=layers_from_keras_file(save(model, tmp_path)), mask="mask")
    assert recipe == Recipe(layers=[layer], mask="mask")
    expected = run_eagerly(model, inputs)
    np.testing.assert_allclose(run_eagerly(recipe.build_model(), inputs), expected, atol=1e-6)


def test_a_keras_file_that_hides_a_layer_inside_another_is_refused_before_it_is_loaded(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), Masked(BoxMask((0, 0, 1, 0.5)), inside=Fill(0))]
    )

    def hide(config):
        nested = config["config"]["layers"][1]["config"]["inside"]
        nested |= {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}

    path = change_config(save(model, tmp_path), hide)
    with pytest.raises(RecipeError, match="layer 'Lambda' holds Python code"):
        layers_from_keras_file(path)


def test_a_trained_mask_may_come_from_a_keras_file(tmp_path):
    convolution = trained_convolution()
    save(keras.Sequential([keras.Input((None, None, 3)), convolution]), tmp_path, "mask.keras")
    text = """\
layers:
  - layer: Masked
    config:
      mask: {keras_file: mask.keras}
      outside: {layer: GaussianBlur, config: {kernel_size: 5, sigma: 2.0}}
"""
    recipe = recipe_from_yaml(write(tmp_path, text))
    assert recipe == Recipe(layers=[Masked(convolution, outside=GaussianBlur(5, 2.0))])
    assert error_of(write(tmp_path, text.replace("mask.keras", "none.keras"))).startswith(
        "line 4, layers.0.config.mask.keras_file: no such file: "
    )


def test_nested_layers_are_baked_into_the_transform_graph():
    layer = Masked(
        CombinedMask("intersection", [FeatureMask(), EllipseMask((0.1, 0.1, 0.9, 0.9))]),
        inside=Masked(trained_convolution(), inside=Fill((1, 0, 0))),
        outside=GaussianBlur(5, 2.0),
    )
    options = {"resize": {"height": 24, "width": 32}, "output": Output(encoding="float")}
    images = photos(2, [(40, 31), (33, 52)])
    features = {"image": tf.constant(images), "mask": tf.constant(masks_of(images))}
    recipe = Recipe(layers=[layer], mask="mask", **options)
    baked = tf.function(pixelbake.make_preprocessing_fn(recipe), autograph=False)(features)
    plain = pixelbake.make_preprocessing_fn(Recipe(**options))
    pixels = tf.function(plain, autograph=False)(features)["image"]
    masks = [tf.image.resize(tf.io.decode_png(m), (24, 32), "nearest") for m in masks_of(images)]
    expected = run_eagerly(layer, [pixels, tf.cast(tf.stack(masks), tf.float32) / 255])
    np.testing.assert_allclose(baked["image"], expected, atol=1e-5)
    assert np.abs(expected - pixels).max() > 0.1


#: What is changed in YAML, and how the error goes on after the file's name.
INVERT, BRIGHTNESS = "{layer: Invert}", "{layer: Brightness, config: {factor: 0.5}}"
MASKS, INSIDE = "layers.0.config.mask.0.config.masks", "layers.0.config.inside"
MISTAKES = {
    "unknown layer": (
        "layer: FeatureMask",
        "layer: Featuremask",
        f"line 10, {MASKS}.0.layer: layer 'Featuremask' is not registered",
    ),
    "random layer": (
        INVERT,
        "{layer: RandomInvert}",
        f"line 12, {MASKS}.1.1.layer: layer 'RandomInvert' is random",
    ),
    "wrong argument": (
        "factor: 0.5",
        "factor: -1",
        f"line 14, {INSIDE}: layer 'Brightness' does not take this config: factor must be at least",
    ),
    "wrong class": (
        "classes: [3, 255]",
        "classes: [3, 256]",
        f"line 10, {MASKS}.0: layer 'FeatureMask' does not take this config: classes must be",
    ),
    "unknown key": (
        INVERT,
        "{layer: Invert, confg: {}}",
        f"line 12, {MASKS}.1.1.confg: unknown key. Received: {{}}. Did you mean 'config'?",
    ),
    "no layer": (
        INVERT,
        "invert",
        f"line 12, {MASKS}.1.1: expected a layer: {{layer: name, config: ...}} or",
    ),
    "other range": (
        "factor: 0.5",
        "factor: 0.5, value_range: [0, 255]",
        f"line 14, {INSIDE}.config.value_range: layer 'Brightness' expects pixels in (0.0, 255.0)",
    ),
    "range of a mask": (
        INVERT,
        "{layer: Invert, config: {value_range: [0, 255]}}",
        f"line 12, {MASKS}.1.1.config.value_range: layer 'Invert' expects pixels in (0.0, 255.0)",
    ),
    "no mask named": (
        "mask: segmentation",
        "image: photo",
        "line 3, layers.0: layers[0] (Masked) uses the mask that comes with the image",
    ),
    "mode": (
        "mode: union",
        "mode: or",
        "line 6, layers.0.config.mask.0: layer 'CombinedMask' does not take this config: mode must",
    ),
    "not fitted": (
        BRIGHTNESS,
        "{layer: ContrastStretching}",
        f"line 14, {INSIDE}: layer 'ContrastStretching' is fitted on data",
    ),
    "no weights": (
        BRIGHTNESS,
        "{layer: Conv2D, config: {filters: 3, kernel_size: 1}}",
        f"line 14, {INSIDE}: layers[0].config.inside (Conv2D) has weights of shapes [(1, 1, 3, 3), "
        "(3,)], and none are given",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_nested_layer_is_refused_with_line_and_key(old, new, message, tmp_path):
    assert old in YAML
    assert error_of(write(tmp_path, YAML.replace(old, new))).startswith(message)


@pytest.mark.parametrize("position", ["mask", "inside", "outside"])
def test_a_random_layer_inside_another_is_refused_by_name(position):
    layers = {"mask": BoxMask((0, 0, 1, 0.5)), "inside": Fill(0)} | {position: Noisy()}
    with pytest.raises(RecipeError, match="holds SeedGenerator"):
        Recipe(layers=[Masked(**layers)])


def test_a_layer_that_moves_pixels_may_stand_before_a_mask_of_relative_coordinates():
    recipe = Recipe(
        layers=[keras.layers.CenterCrop(8, 8), Masked(BoxMask((0, 0, 1, 0.5)), inside=Fill(0))]
    )
    images = photographs(1, 3, 16, 16)
    result = run_eagerly(recipe.build_model(), images)
    assert not result[:, :4].any()
    np.testing.assert_array_equal(result[:, 4:], images[:, 8:12, 4:12])


def test_masks_see_pixels_in_the_recipe_s_own_range():
    mask = [ThresholdMask(100, value_range=(0, 255)), Invert()]
    layer = Masked(mask, inside=Fill(9, value_range=(0, 255)))
    recipe = Recipe(layers=[layer], value_range=(0, 255))
    images = photographs(1, 1, 16, 16) * 255
    expected = np.where(images > 100, images, np.float32(9))
    np.testing.assert_array_equal(run_eagerly(recipe.build_model(), images), expected)


def test_nested_layers_are_told_in_words():
    recipe = Recipe(
        layers=[Masked([FeatureMask([3]), Invert()], outside=GaussianBlur(5, 2.0))], mask="mask"
    )
    title, details = describe_stages(recipe)["layers[0]"]
    assert title == "Masked"
    assert details == (
        "mask=[FeatureMask(classes=3), Invert()], outside=GaussianBlur(kernel_size=5, sigma=2)"
    )
