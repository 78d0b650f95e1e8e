"""Run in a fresh process: asks exported models through the session loader of TensorFlow 1.

predict_v1.py (MODEL_FOLDER SIGNATURE OUT.npz RECORDS.tfrecord) ...
"""

import sys

import numpy as np
import tensorflow as tf

arguments = sys.argv[1:]
for folder, name, out, given in zip(*(arguments[i::4] for i in range(4)), strict=True):
    records = list(tf.data.TFRecordDataset(given).as_numpy_iterator())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], folder)
        signature = loaded.signature_def[name]
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        (fed,) = signature.inputs.values()
        np.savez(out, **session.run(outputs, {fed.name: records}))
assert not {"pixelbake", "tensorflow_transform"} & set(sys.modules)
