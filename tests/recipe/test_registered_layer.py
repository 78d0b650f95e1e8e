"""Classes of one's own: what may be registered and baked, and what may not."""

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from pixelbake.errors import RecipeError
from pixelbake.recipe import LayerSpec, Recipe
from tests.layers.contract import photographs, run_eagerly


@keras.saving.register_keras_serializable(package="registered_layer_tests")
class Inverted(keras.Layer):
    """Registered and deterministic: may be baked."""

    def __init__(self, top=1.0, **kwargs):
        super().__init__(**kwargs)
        self.top = top

    def call(self, inputs):
        return self.top - inputs

    def get_config(self):
        return {**super().get_config(), "top": self.top}


@keras.saving.register_keras_serializable(package="registered_layer_tests")
class Noisy(keras.Layer):
    """Registered, and random without saying so in its name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = {"generators": [keras.random.SeedGenerator(1)]}

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package="registered_layer_tests")
class Wrapping(keras.Layer):
    """Registered, with a Lambda inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Lambda(lambda x: x)


@keras.saving.register_keras_serializable(package="registered_layer_tests")
class Holding(keras.Layer):
    """Registered, with a config that JSON can't hold."""

    def __init__(self, held=frozenset({7}), **kwargs):
        super().__init__(**kwargs)
        self.held = held

    def get_config(self):
        return {**super().get_config(), "held": self.held}


@keras.saving.register_keras_serializable(package="registered_layer_tests")
class NoisyOnceBuilt(keras.Layer):
    """Registered, and random from the moment it is built."""

    def build(self, input_shape):
        self.generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        return inputs + keras.random.uniform(keras.ops.shape(inputs), seed=self.generator)


@keras.saving.register_keras_serializable(package="registered_layer_tests")
class Nesting(keras.Layer):
    """Registered, with a random layer `depth` layers below."""

    def __init__(self, depth=8, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.inner = Nesting(depth - 1) if depth else Noisy()

    def call(self, inputs):
        return self.inner(inputs)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}


@pytest.mark.parametrize(("cls", "part"), [(Noisy, "SeedGenerator"), (Wrapping, "Lambda")])
def test_a_registered_layer_that_hides_what_is_refused_is_refused_by_name(cls, part):
    name = f"registered_layer_tests>{cls.__name__}"
    for value in (cls(), {"layer": name}):
        with pytest.raises(ValidationError) as caught:
            LayerSpec.model_validate(value)
        assert f"layer {name!r} holds {part}" in str(caught.value)


@pytest.mark.parametrize("make", [NoisyOnceBuilt, Nesting])
def test_a_generator_is_found_wherever_the_layer_keeps_it(make):
    with pytest.raises(RecipeError, match="holds SeedGenerator"):
        Recipe(resize={"height": 8, "width": 8}, layers=[make()])


def test_a_registered_layer_is_baked_under_its_registered_name():
    spec = LayerSpec.model_validate(Inverted(0.5))
    assert (spec.layer, spec.config) == ("registered_layer_tests>Inverted", {"top": 0.5})
    images = photographs(1, 3, 8, 8)
    np.testing.assert_array_equal(run_eagerly(spec.build(), images), np.float32(0.5) - images)


def test_a_config_that_is_no_json_is_refused_with_its_value():
    with pytest.raises(ValidationError, match=r"must be plain JSON.*Received: \{'held': frozenset"):
        LayerSpec.model_validate(Holding())
