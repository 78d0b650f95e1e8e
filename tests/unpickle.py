"""Run in a fresh process: unpickles preprocessing_fns and calls them, as a Beam worker does.

unpickle.py FOLDER_OF_PICKLES OUT.npz REGISTERED_NAME NAME=RECORDS.tfrecord ...
"""

import pickle
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

folder, out, registered, *given = sys.argv[1:]
inputs = {
    name: tf.constant(list(tf.data.TFRecordDataset(path).as_numpy_iterator()))
    for name, path in (argument.split("=", 1) for argument in given)
}
images = {}
for path in Path(folder).glob("*.pickle"):
    preprocessing_fn = pickle.loads(path.read_bytes())
    images[path.stem] = tf.function(preprocessing_fn, autograph=False)(inputs)["image"].numpy()
assert keras.saving.get_registered_object(registered) is None, "the layer's class is known here"
np.savez(out, **images)
