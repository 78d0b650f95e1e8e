"""Run in a process of its own, under settings of its own: image graphs over images.

run_image_graph.py IMAGES.tfrecord BATCH GRAPPLER(on|off) (GRAPH.pb OUT.npy) ...
"""

import sys

import numpy as np
import tensorflow as tf


def pixels_function(path):
    """From string [B] to uint8 [B, H, W, C]; an image is its own mask."""
    with open(path, "rb") as file:
        graph_def = tf.compat.v1.GraphDef.FromString(file.read())
    names = {node.name for node in graph_def.node} & {"image", "mask"}

    def pixels(image):
        fed = {f"{name}:0": image for name in names}
        return tf.graph_util.import_graph_def(graph_def, fed, ["pixels:0"])[0]

    signature = tf.TensorSpec((None, None, 3), tf.uint8)
    return tf.function(
        lambda images: tf.map_fn(pixels, images, fn_output_signature=signature), autograph=False
    )


records, batch, grappler, *graphs = sys.argv[1:]
data = list(tf.data.TFRecordDataset(records).as_numpy_iterator())
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": grappler == "off"})
for graph, out in zip(graphs[::2], graphs[1::2], strict=True):
    function = pixels_function(graph)
    starts = range(0, len(data), int(batch))
    np.save(out, np.concatenate([function(tf.constant(data[i : i + int(batch)])) for i in starts]))
assert "pixelbake" not in sys.modules
