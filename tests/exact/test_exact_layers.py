"""Recipes of numerics "exact": what is exact, and what they say of the rest."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from pixelbake.errors import RecipeError
from pixelbake.exact import not_exact
from pixelbake.exact.grid import to_uint8
from pixelbake.image_graph import freeze_image_graph
from pixelbake.layers import Brightness, Crop, Flip, GaussianBlur, Pad
from pixelbake.recipe import Output, Recipe, Resize
from tests.raw_examples import masks_of, photos
from tests.trained_mask_layer import trained_mask_layer

PHOTOS = photos(2, [(224, 224), (91, 120)])
RESCALING = keras.layers.Rescaling(2.0, offset=-1.0)


def stages_of(recipe, *encoded):
    traced = tf.function(freeze_image_graph(recipe).stages, autograph=False)
    return {name: x.numpy() for name, x in traced(*map(tf.constant, encoded)).items()}


def exact(**parts):
    return Recipe(numerics="exact", **parts)


@pytest.mark.parametrize("resize", [None, Resize(height=224, width=224)])
def test_without_layers_pixels_are_as_they_were_decoded(resize):
    stages = stages_of(exact(resize=resize), PHOTOS[0])
    np.testing.assert_array_equal(stages["resize"], stages["decode"])
    np.testing.assert_array_equal(stages["quantise"], stages["decode"])


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_stages_are_whole_sixteenths_of_a_level_in_the_recipes_range(white):
    layers = [Brightness(1.2, value_range=(0, white)), GaussianBlur(5, 2.0)]
    recipe = exact(layers=layers, resize=Resize(height=40, width=56), value_range=(0, white))
    stages = stages_of(recipe, PHOTOS[0])
    sixteenths = {"resize": stages["resize"] * 16}
    sixteenths |= {name: stages[name] * (4080 / white) for name in ("layers[0]", "layers[1]")}
    for steps in sixteenths.values():
        assert steps.max() > 1000
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    last = tf.constant(np.round(sixteenths["layers[1]"]), tf.float32)
    np.testing.assert_array_equal(stages["quantise"], to_uint8(last))


def test_a_float_output_is_the_grid_in_the_recipes_range():
    recipe = exact(
        layers=[Brightness(1.2)],
        resize=Resize(height=40, width=56),
        output=Output(encoding="float"),
    )
    stages = stages_of(recipe, PHOTOS[0])
    assert stages["quantise"].dtype == np.float32
    np.testing.assert_array_equal(stages["quantise"], stages["layers[0]"])


def test_a_mask_moves_with_the_image():
    layers = [Flip("horizontal"), Crop(3, 4, 60, 70), Pad(2, mode="reflect"), trained_mask_layer()]
    (mask,) = masks_of(PHOTOS[1:])
    found = stages_of(exact(layers=layers, mask="mask"), PHOTOS[1], mask)["quantise"]
    recipe = Recipe(layers=layers, mask="mask", numerics="float64")
    wanted = stages_of(recipe, PHOTOS[1], mask)["quantise"]
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_an_exact_recipe_says_nothing():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        recipe = exact(layers=[Brightness(1.2), trained_mask_layer()], mask="mask")
        freeze_image_graph(recipe)
    # Keras and NumPy may have their own to say.
    assert not [one for one in said if "exact" in str(one.message)]
    assert not_exact(recipe) == ()


def test_layers_without_an_exact_form_go_on_in_float64_by_name():
    layers = [Brightness(1.2), RESCALING, GaussianBlur(5, 2.0)]
    recipe = exact(
        layers=layers, resize=Resize(height=40, width=56), output=Output(encoding="float")
    )
    with pytest.warns(UserWarning, match=r"layers\[1\] \(Rescaling\) and the layers after it"):
        stages = stages_of(recipe, PHOTOS[0])
    assert stages["layers[0]"].dtype == np.float32
    assert stages["layers[1]"].dtype == stages["layers[2]"].dtype == np.float64
    steps = np.round(stages["layers[0]"].astype(np.float64) * 4080)
    np.testing.assert_allclose(stages["layers[1]"], steps / 4080 * 2.0 - 1, atol=1e-14)
    assert stages["quantise"].min() < 0  # beyond the grid, and not cut to it
    assert not_exact(recipe) == ("layers[1] (Rescaling) and the layers after it (float64)",)
    assert not_exact(Recipe(layers=layers)) == ()


def test_a_resize_without_whole_weights_is_named():
    recipe = exact(resize=Resize(height=40, width=56, method="lanczos3"))
    with pytest.warns(UserWarning, match="but for resize by 'lanczos3' \\(float32\\)"):
        freeze_image_graph(recipe)


@keras.saving.register_keras_serializable("tests.exact")
class InFloat32(keras.Layer):
    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        return keras.ops.cast(keras.ops.cast(inputs, "float32") * 0.5, self.compute_dtype)


@pytest.mark.filterwarnings("ignore:numerics is 'exact'")
def test_a_layer_that_computes_in_float32_is_refused():
    with pytest.raises(RecipeError, match=r"layers\[0\] .* float32 .*numerics='exact'"):
        freeze_image_graph(exact(layers=[InFloat32()]))


@pytest.mark.filterwarnings("ignore:numerics is 'exact'")
def test_the_same_recipe_gives_the_same_graph():
    recipe = exact(layers=[Flip("vertical"), trained_mask_layer(), RESCALING], mask="mask")
    assert freeze_image_graph(recipe).graph_def == freeze_image_graph(recipe).graph_def
