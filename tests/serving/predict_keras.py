"""Run in either line: asks an export through Keras' TFSMLayer.

predict_keras.py MODEL_FOLDER SIGNATURE OUT.npz RECORDS.tfrecord
"""

import sys

import keras
import numpy as np
import tensorflow as tf

folder, name, out, given = sys.argv[1:]
records = list(tf.data.TFRecordDataset(given).as_numpy_iterator())
layer = keras.layers.TFSMLayer(folder, call_endpoint=name)
np.savez(out, **{key: value.numpy() for key, value in layer(tf.constant(records)).items()})
