"""What a TFX Trainer calls: exports an untrained network with the run's graph, or another one."""

from __future__ import annotations

import keras

import pixelbake
from pixelbake.layers import Brightness
from pixelbake.transform_graph import read_recipe, write_transform_graph


def good_run_fn(fn_args) -> None:
    _export(fn_args.transform_output, fn_args.serving_model_dir)


def skewed_run_fn(fn_args) -> None:
    recipe = read_recipe(fn_args.transform_output)
    layers = [Brightness(1.3), *recipe.layers[1:]]
    changed = pixelbake.Recipe(resize=recipe.resize, layers=layers, passthrough=recipe.passthrough)
    graph = f"{fn_args.model_run_dir}/other_graph"
    write_transform_graph(changed, graph)
    _export(graph, fn_args.serving_model_dir)


def _export(graph: str, folder: str) -> None:
    keras.utils.set_random_seed(0)
    images = keras.Input(read_recipe(graph).output_shape, dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    pixelbake.export_serving_model(keras.Model(images, keras.layers.Dense(3)(x)), graph, folder)
