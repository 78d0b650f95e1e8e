"""Run in either line: writes a transform graph and an export.

write_export.py FOLDER
"""

import sys

import keras

import pixelbake
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Resize
from pixelbake.transform_graph import write_transform_graph

(folder,) = sys.argv[1:]
recipe = pixelbake.Recipe(
    resize=Resize(height=48, width=64),
    layers=[Brightness(1.2), GaussianBlur(5, 2.0)],
    numerics="float64",
)
write_transform_graph(recipe, f"{folder}/graph")
keras.utils.set_random_seed(2)
pixels = keras.Input(recipe.output_shape, dtype="uint8")
x = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(pixels))
model = keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
pixelbake.export_serving_model(model, f"{folder}/graph", f"{folder}/model")
