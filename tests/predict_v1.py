"""Run in a fresh process: asks exported models through the session loader of TensorFlow 1.

predict_v1.py (MODEL_FOLDER OUT.npz EXAMPLES.tfrecord) ...
"""

import sys

import numpy as np
import tensorflow as tf

arguments = sys.argv[1:]
for folder, out, given in zip(arguments[::3], arguments[1::3], arguments[2::3], strict=True):
    examples = list(tf.data.TFRecordDataset(given).as_numpy_iterator())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], folder)
        signature = loaded.signature_def["serving_default"]
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        np.savez(out, **session.run(outputs, {signature.inputs["examples"].name: examples}))
assert not {"pixelbake", "tensorflow_transform"} & set(sys.modules)
