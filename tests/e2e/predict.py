"""Run in a fresh process: asks an exported model, where nothing but TensorFlow can be imported.

predict.py MODEL_FOLDER SIGNATURE OUT.npz NAME=RECORDS.tfrecord ...
"""

import sys

FOREIGN = {"pixelbake", "tensorflow_transform", "tfx_bsl", "apache_beam", "tfx"}


class Absent:
    """Makes packages look as if they were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FOREIGN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

folder, signature, out, *given = sys.argv[1:]
model = tf.saved_model.load(folder)
inputs = {
    name: tf.constant(list(tf.data.TFRecordDataset(path).as_numpy_iterator()))
    for name, path in (argument.split("=", 1) for argument in given)
}
outputs = {name: value.numpy() for name, value in model.signatures[signature](**inputs).items()}
assert not FOREIGN & set(sys.modules), FOREIGN & set(sys.modules)
np.savez(out, **outputs)
