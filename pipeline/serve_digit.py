"""Asks an exported model what digit an image file shows. Needs TensorFlow and NumPy, no more.

python pipeline/serve_digit.py MODEL_FOLDER IMAGE_FILE
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def main() -> None:
    """Prints the most likely digit, its probability, and what had to be imported."""
    folder, image = sys.argv[1:]
    model = tf.saved_model.load(folder)
    answer = model.signatures["serve_image_bytes"](
        image_bytes=tf.constant([Path(image).read_bytes()])
    )
    probabilities = answer["outputs"].numpy()[0]
    assert not any(name in sys.modules for name in ("pixelbake", "tensorflow_transform", "tfx"))
    print(f"{np.argmax(probabilities)} (probability {np.max(probabilities):.3f})")


if __name__ == "__main__":
    main()
