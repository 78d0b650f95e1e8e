"""Trains and exports a small model, and learns a mask for the recipe of the next run.

The model says how much of a crop is flower and is as small as can be: linear over the mean of all
pixels. It can't look at one part of a crop more than at another; what a mask in the recipe is
worth shows in its error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

import pixelbake
from pixelbake.layers import ConditionalPixelTransform
from pixelbake.transform_graph import read_recipe

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

__all__ = ["NEXT_RECIPE", "build_model", "recipe_with_mask", "run_fn"]

#: In the `model_run` artifact: the recipe for the next run, as JSON.
NEXT_RECIPE = "next_recipe.json"

BATCH_SIZE = 50
LEARNING_RATE = 0.03
#: The mask is learned from so many random starts; the one with the least loss in training is taken.
STARTS = 4


def run_fn(fn_args: FnArgs) -> None:
    """Called by TFX's Trainer.

    Args:
        fn_args: `train_files`: patterns of transformed Examples; `transform_output`: the transform
            graph that made them; `train_steps`: number of batches; `serving_model_dir`: where the
            model goes; `model_run_dir`: where the next run's recipe goes.
    """
    graph = fn_args.transform_output
    examples = pixelbake.read_examples(fn_args.train_files, transform_graph=graph)
    crops = examples.map(lambda example: (example["image"], example["flower"])).cache()
    # Keras warns of an end that it did not expect.
    crops = crops.apply(tf.data.experimental.assert_cardinality(sum(1 for _ in crops)))

    keras.utils.set_random_seed(0)
    model = build_model(crops)
    _fit(model, crops, fn_args.train_steps)
    pixelbake.export_serving_model(model, graph, fn_args.serving_model_dir)

    recipe = read_recipe(graph)
    if not recipe.weights_hashes:  # no learned mask is in it yet
        recipe = recipe_with_mask(recipe, crops, fn_args.train_steps)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with tf.io.gfile.GFile(f"{fn_args.model_run_dir}/{NEXT_RECIPE}", "w") as file:
        file.write(recipe.to_json())


def recipe_with_mask(
    recipe: pixelbake.Recipe, crops: tf.data.Dataset, train_steps: int
) -> pixelbake.Recipe:
    """Learns a mask in front of the model, and adds it to a recipe with its weights frozen.

    Args:
        recipe: The recipe that made the crops.
        crops: `(image, share of flower)`, one crop an element, of known cardinality.
        train_steps: Number of batches, for each of the random starts.
    """
    models = []
    for seed in range(STARTS):
        keras.utils.set_random_seed(seed)
        models.append(build_model(crops, ConditionalPixelTransform()))
        _fit(models[-1], crops, train_steps)
    best = min(models, key=lambda model: model.evaluate(crops.batch(BATCH_SIZE), verbose=0))
    layers = (*recipe.layers, *pixelbake.bake(best))
    return pixelbake.Recipe.model_validate({**dict(recipe), "layers": layers})


def build_model(crops: tf.data.Dataset, *front: keras.Layer) -> keras.Model:
    """Makes the model, with layers over `[image, image]` in front if any are given.

    Returns:
        A compiled model from pixels `[B, H, W, C]` in 0..255 to `[B, 1]`.
    """
    images, _ = crops.element_spec
    image = keras.Input(tuple(images.shape), name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    for layer in front:
        x = layer([x, x])
    x = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "mse")
    return model


def _fit(model: keras.Model, crops: tf.data.Dataset, train_steps: int) -> None:
    batches = crops.shuffle(crops.cardinality(), seed=0).repeat().batch(BATCH_SIZE)
    model.fit(batches, steps_per_epoch=train_steps, verbose=0)
