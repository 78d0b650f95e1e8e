"""One image's way from encoded bytes to pixels, frozen: what every place that transforms runs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.grappler import tf_optimizer

from pixelbake import images
from pixelbake.errors import RecipeError
from pixelbake.exact import ExactLayers
from pixelbake.orientation import exif_orientation
from pixelbake.recipe import Recipe

__all__ = ["ImageGraph", "freeze_image_graph"]

_INPUTS = ("image", "mask")
_PIXELS = "pixels"
_STAGES = "stages/"

_FLOAT32, _FLOAT16, _BFLOAT16 = (
    dtype.as_datatype_enum for dtype in (tf.float32, tf.float16, tf.bfloat16)
)


@dataclass(frozen=True, eq=False)  # by identity: tf.function keeps functions as dict keys
class ImageGraph:
    """A GraphDef from one encoded image (and mask) to its pixels, before they are encoded again.

    Decoder, resize and layers are frozen into it once, on the driver, and wherever pixels are made
    these bytes are imported: under TFT's TF1 mode, on a worker that has never heard of the layers'
    classes, and in the serving export. Nothing of Keras is pickled.

    Attributes:
        graph_def: The serialised GraphDef.
    """

    graph_def: bytes = field(repr=False)

    def pixels(self, *encoded: Any) -> Any:
        """Transforms one image; to be called while a graph is traced.

        Args:
            encoded: String scalars: the image, and the mask where the recipe has one.

        Returns:
            uint8 `[H, W, C]`, or float32 for output encoding `"float"`.
        """
        graph_def = tf.compat.v1.GraphDef.FromString(self.graph_def)
        # Without the stages: nothing beside the way of the pixels may keep TensorFlow from fusing.
        nodes = [node for node in graph_def.node if not node.name.startswith(_STAGES)]
        del graph_def.node[:]
        graph_def.node.extend(nodes)
        return self._import(graph_def, encoded, [_PIXELS])[0]

    def stages(self, *encoded: Any) -> dict[str, Any]:
        """Transforms one image and returns what it is after each stage, by name.

        Args:
            encoded: As for `pixels`.

        Returns:
            `decode` (uint8), `resize` (float32 in 0..255), `layers[i]` for each layer (in the
            recipe's value range and the dtype it computes in) and `quantise` (uint8, or the float32
            of the last layer for output encoding `"float"`), each `[H, W, C]`.
        """
        graph_def = tf.compat.v1.GraphDef.FromString(self.graph_def)
        nodes = sorted(node.name for node in graph_def.node if node.name.startswith(_STAGES))
        values = self._import(graph_def, encoded, nodes)
        names = [node.removeprefix(_STAGES).split(".", 1)[1] for node in nodes]
        return {
            f"layers[{name.removeprefix('layer_')}]" if name.startswith("layer_") else name: value
            for name, value in zip(names, values, strict=True)
        }

    @staticmethod
    def _import(graph_def: Any, encoded: tuple[Any, ...], names: list[str]) -> list[Any]:
        # An input that the pixels do not depend on was left out when freezing.
        known = {node.name for node in graph_def.node}
        fed = {f"{n}:0": data for n, data in zip(_INPUTS, encoded, strict=False) if n in known}
        for name, data in zip(_INPUTS, encoded, strict=False):
            if _orientation(name) in known:
                fed[f"{_orientation(name)}:0"] = exif_orientation(data)
        if tf.compat.v1.executing_eagerly_outside_functions():
            # Imported into a function, a graph's own functions (the branches and loops of a layer)
            # are known to that graph alone; called from outside, it would not find them.
            for function in graph_def.library.function:
                context.context().add_function_def(function)
        wanted = [f"{name}:0" for name in names]
        tensors: list[Any] = tf.graph_util.import_graph_def(
            graph_def, input_map=fed, return_elements=wanted, name="image_graph"
        )
        return tensors


def freeze_image_graph(recipe: Recipe) -> ImageGraph:
    """Freezes what a recipe does to one image.

    Args:
        recipe: What to do to the pixels.

    Raises:
        RecipeError: A layer can't compute in the recipe's `numerics`.
    """
    layers = ExactLayers(recipe) if recipe.numerics == "exact" else _FloatLayers(recipe)
    inputs = _INPUTS[: len(recipe.image_features)]
    specs = [tf.TensorSpec((), tf.string, name) for name in inputs]
    if recipe.decode.exif_orientation:
        # Found where these bytes are imported: the search has branches and loops, whose functions
        # this graph need not carry about and make known to every process.
        specs += [tf.TensorSpec((), tf.int32, _orientation(name)) for name in inputs]

    @tf.function(input_signature=specs, autograph=False)
    def stages(*fed: Any) -> list[Any]:
        named = dict(zip((spec.name for spec in specs), fed, strict=True))
        orientation, mask = named.get(_orientation("image")), named.get("mask")
        decoded = images.decode(named["image"], recipe.decode, recipe.resize, orientation)
        resized = layers.resize(decoded)
        if mask is not None:
            how = recipe.decode.model_copy(update={"channels": 1})
            mask = images.decode(mask, how, orientation=named.get(_orientation("mask")))
            mask = images.resize_mask(mask, recipe.resize)
        per_layer, stored = layers(resized, mask)
        return [decoded, resized, *per_layer, stored]

    frozen = convert_variables_to_constants_v2(
        stages.get_concrete_function(),
        lower_control_flow=False,  # branches and loops, lowered, could not be imported into map_fn
    )
    graph_def = frozen.graph.as_graph_def()
    if recipe.numerics != "float32":
        _check_float64(recipe, graph_def)
    fed = [tensor.op.name for tensor in frozen.inputs]
    graph_def = _folded(graph_def, fed, [tensor.op.name for tensor in frozen.outputs])
    names = ["decode", "resize", *(f"layer_{i}" for i in range(len(recipe.layers))), "quantise"]
    with tf.Graph().as_default() as graph:  # once more, so that every end has a name of its own
        feeds = [tf.compat.v1.placeholder(spec.dtype, (), spec.name) for spec in specs]
        values = tf.graph_util.import_graph_def(
            graph_def,
            input_map=dict(zip((tensor.name for tensor in frozen.inputs), feeds, strict=True)),
            return_elements=[tensor.name for tensor in frozen.outputs],
            name="",
        )
        for i, (name, value) in enumerate(zip(names, values, strict=True)):
            tf.identity(value, name=f"{_STAGES}{i:03d}.{name}")
        tf.identity(values[-1], name=_PIXELS)
    graph_def = _with_own_function_names(graph.as_graph_def())
    return ImageGraph(graph_def.SerializeToString(deterministic=True))


def _with_own_function_names(graph_def: Any) -> Any:
    """Names a graph's functions after its contents: a process may hold the graphs of many recipes.

    TensorFlow numbers them as they come, so that two processes give different functions one name.
    """
    digest = hashlib.sha256(graph_def.SerializeToString(deterministic=True)).hexdigest()[:16]
    functions = graph_def.library.function
    names = {one.signature.name: f"{one.signature.name}_{digest}" for one in functions}
    for one in functions:
        one.signature.name = names[one.signature.name]
    for node in (*graph_def.node, *(node for one in functions for node in one.node_def)):
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            for called in (value.func, *value.list.func):
                if called.name in names:
                    called.name = names[called.name]
    return graph_def


class _FloatLayers:
    """What a recipe does to pixels after they are decoded, in float32 or float64."""

    def __init__(self, recipe: Recipe) -> None:
        model = recipe.build_model()
        layers = [model.get_layer(f"layer_{i}").output for i in range(len(recipe.layers))]
        self._per_layer = keras.Model(model.inputs, layers or model.outputs)
        self._recipe = recipe

    def resize(self, decoded: Any) -> Any:
        """Returns a decoded image at the recipe's size, float32 in 0..255."""
        return images.resize(decoded, self._recipe.resize)

    def __call__(self, resized: Any, mask: Any) -> tuple[list[Any], Any]:
        """Applies the layers; see `ExactLayers`."""
        recipe = self._recipe
        resized = tf.cast(resized, recipe.numerics)
        feeds = [images.scale(resized, recipe.value_range)[tf.newaxis]]
        if mask is not None:
            feeds.append(tf.cast(mask, recipe.numerics)[tf.newaxis])
        outputs = self._per_layer(feeds[0] if mask is None else feeds, training=False)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        pixels = [output[0] for output in outputs]
        last = tf.ensure_shape(pixels[-1], recipe.output_shape)
        if recipe.output.encoding == "float":
            stored = tf.cast(last, tf.float32)
        else:
            stored = images.quantise(last, recipe.value_range)
        return pixels if recipe.layers else [], stored


def _folded(graph_def: Any, inputs: list[str], outputs: list[str]) -> Any:
    """Folds constants, once and for all.

    TensorFlow would do so when the graph runs, in one place and not in another (not in a
    `tf.data` function, as in the export): a division by a constant becomes a multiplication,
    and the two differ in the last bit.
    """
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        meta_graph = tf.compat.v1.train.export_meta_graph(graph=graph)
    for name in (*inputs, *outputs):  # what is not to be folded away, nor renamed
        meta_graph.collection_def["train_op"].node_list.value.append(name)
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.optimizers.append("constfold")
    config.graph_options.rewrite_options.min_graph_nodes = -1
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _orientation(name: str) -> str:
    """Returns the name of the input for an image's EXIF orientation."""
    return f"{name}_orientation"


def _check_float64(recipe: Recipe, graph_def: Any) -> None:
    """Refuses layers that compute in another dtype than they are given."""
    for node in graph_def.node:
        layer = re.search(r"\blayer_(\d+)", node.name)
        # Asking for an attribute that is not there would make it.
        kind = node.attr["T"].type if layer and "T" in node.attr else None
        if layer and kind in (_FLOAT32, _FLOAT16, _BFLOAT16):
            i, dtype = int(layer[1]), tf.dtypes.as_dtype(kind).name
            raise RecipeError(
                f"layers[{i}] ({recipe.layers[i].layer}) computes in {dtype} ({node.op}), whatever "
                f"it is given. Received: numerics={recipe.numerics!r}. Set numerics to 'float32', "
                "or leave the layer out."
            )
