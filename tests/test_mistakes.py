import pickle

import keras
import pytest
from pydantic import BaseModel, ValidationError

from pixelbake.errors import ConfigError, RecipeError
from pixelbake.job.config import Fit, JobConfig, Limits
from pixelbake.layers import Brightness, Crop, Hue
from pixelbake.recipe import Decode, Feature, LayerSpec, Output, Recipe, Resize, Weight

CLASSES = {
    Decode: RecipeError,
    Feature: RecipeError,
    Fit: ConfigError,
    JobConfig: ConfigError,
    LayerSpec: RecipeError,
    Limits: ConfigError,
    Output: RecipeError,
    Recipe: RecipeError,
    Resize: RecipeError,
    Weight: RecipeError,
}


class Album(BaseModel):
    """Another program's model with a recipe in it."""

    title: str
    recipe: Recipe


def told(make):
    """What the error of a mistake in a recipe says."""
    with pytest.raises(RecipeError) as caught:
        make()
    return str(caught.value)


def test_each_mistake_is_told_on_one_line_with_place_value_and_what_would_be_right():
    message = told(
        lambda: Recipe(
            imag="photo",
            resize={"height": -1, "width": 8},
            passthrough={"label": "int32"},
            layers=[3],
        )
    )
    assert sorted(message.splitlines()) == [
        "Recipe, imag: unknown key. Received: 'photo'. Did you mean 'image'? Take one of decode, "
        "image, layers, mask, numerics, output, passthrough, resize, value_range.",
        "Recipe, layers.0: expected a layer: {layer: name, config: ...} or, in Python, a Keras 3 "
        "layer. Received: 3.",
        "Recipe, passthrough.label.dtype: Input should be 'int64', 'float32' or 'bytes'. Received: "
        "'int32'.",
        "Recipe, resize.height: Input should be greater than or equal to 1. Received: -1.",
    ]


@pytest.mark.parametrize(("part", "error"), CLASSES.items(), ids=lambda value: value.__name__)
def test_whatever_users_write_tells_of_its_mistakes_as_pixelbakes_own_error(part, error):
    with pytest.raises(error, match=rf"(?m)^{part.__name__}, smudge: unknown key. Received: 1\."):
        part(smudge=1)
    assert issubclass(error, ValueError)


def test_the_class_of_a_layer_is_told_from_a_layer():
    assert told(lambda: Recipe(layers=[Brightness])).endswith("Call it: Brightness(...).")


def test_one_layer_without_a_list_is_told_that_a_list_is_expected():
    message = told(lambda: Recipe(layers=Brightness(1.0)))
    assert message.startswith("Recipe, layers: Input should be a list. Received: <Brightness")


def test_a_layer_that_does_not_fit_is_told_without_what_keras_writes_around_it():
    small = {"resize": Resize(height=3, width=3)}
    assert told(lambda: Recipe(layers=[Crop(0, 0, 9, 9)], **small)) == (
        "Recipe, layers.0: layers[0] (Crop) does not take what it is given: Crop needs a height of "
        "at least 9. Received: shape (None, 3, 3, 3)."
    )
    gray = {"decode": Decode(channels=1)}
    assert told(lambda: Recipe(layers=[Hue(0.1)], **gray)).endswith("set decode's channels to 3.")
    foreign = told(lambda: Recipe(layers=[keras.layers.Cropping2D(9)], **small))
    assert foreign.count("Received") == foreign.count("\n") + 1 == 1


def test_pydantics_own_error_with_its_places_is_left_to_those_who_ask_pydantic():
    wrong = {"resize": {"height": 0, "width": 8}}
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(wrong)
    assert [mistake["loc"] for mistake in caught.value.errors()] == [("resize", "height")]
    with pytest.raises(ValidationError) as caught:
        Album(title="a", recipe=wrong)
    assert [mistake["loc"] for mistake in caught.value.errors()] == [("recipe", "resize", "height")]


def test_a_job_survives_pickling_and_stands_in_other_models():
    recipe = Recipe(resize={"height": 8, "width": 8}, layers=[Brightness(1.2)])
    job = JobConfig(input={"train": "a"}, output="b", recipe=recipe)
    assert pickle.loads(pickle.dumps(job)) == job
    assert Album(title="a", recipe=recipe.model_dump()).recipe == recipe


def test_a_wrong_argument_of_a_layer_is_told_once_what_was_received():
    wrong = [{"layer": "Brightness", "config": {"factor": -1}}]
    assert told(lambda: Recipe(layers=wrong)) == (
        "Recipe, layers.0: layer 'Brightness' does not take this config: factor must be at least "
        "0. Received: factor=-1."
    )
    missing = told(lambda: Recipe(layers=[{"layer": "Brightness"}]))
    assert missing.endswith("'factor'. Received: config={}. It takes: factor, value_range.")
    foreign = [{"layer": "Rescaling", "config": {"scale": 1.0, "dtype_": 3}}]
    assert told(lambda: Recipe(layers=foreign)).count("Received") == 1


@pytest.mark.parametrize(
    ("wrong", "where", "meant"),
    [
        ({"resiz": None}, "resiz", "resize"),
        ({"layers": [{"layer": "Invert", "confg": {}}]}, "layers.0.confg", "config"),
        ({"layers": [{"layer": "brightnes"}]}, "layers.0.layer", "Brightness"),
        ({"layers": [{"layer": "clahe"}]}, "layers.0.layer", "CLAHE"),
        (
            {"layers": [{"layer": "Conv2D", "config": {"filter": 3, "kernel_size": 1}}]},
            "layers.0.config.filter",
            "filters",
        ),
        (
            {"layers": [{"layer": "Brightness", "config": {"factor": 1.0, "range": [0, 1]}}]},
            "layers.0.config.range",
            "value_range",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_misspelled_is_told_what_comes_closest_before_all_that_there_is(
    wrong, where, meant
):
    message = told(lambda: Recipe(**wrong))
    assert message.startswith(f"Recipe, {where}: ")
    rest = message.partition(f" Did you mean {meant!r}? ")[2]
    assert rest.startswith(("Take one of ", "It takes: "))
    assert meant in rest


@pytest.mark.parametrize(
    "wrong", [{"smudge": 1}, {"layers": [{"layer": "Xyz"}]}, {"layers": [{"layer": "mine>Invert"}]}]
)
def test_what_is_like_nothing_or_of_another_package_is_told_all_that_there_is_alone(wrong):
    message = told(lambda: Recipe(**wrong))
    assert "Did you mean" not in message
    assert "Take one of " in message
