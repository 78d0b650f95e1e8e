"""Whether all contenders did the same work: `python -m bench.agreement FOLDER NAME...`.

Run in a process of its own, before anything is timed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DisagreementError", "check_agreement"]

#: Decoded JPEGs of pixels that differ by a rounding: one coefficient a step apart.
MAX_DIFFERENCE = 24
MEAN_DIFFERENCE = 1.0
#: Lossless pixels against the JPEG of them: what quality 95 itself loses, 1.4 on these images.
MEAN_JPEG_LOSS = 2.0


class DisagreementError(RuntimeError):
    """A contender's images are not what they should be."""


def check_agreement(work: Path, names: list[str]) -> dict[str, Any]:
    """Compares what contenders have written to `<work>/out-<name>`.

    Args:
        work: The folder.
        names: The contenders; the first is what the others are held to.

    Returns:
        By name, the largest and the mean difference of a decoded pixel from the first one's.

    Raises:
        DisagreementError: Says who differs, and by how much.
    """
    command = [sys.executable, "-m", "bench.agreement", str(work), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DisagreementError(done.stderr.strip().splitlines()[-1])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _images(folder: Path) -> dict[int, np.ndarray]:
    """Returns all pixels by id, whatever the encoding; floats as the graph would round them."""
    import tensorflow as tf

    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or not (".tfrecord" in path.name or path.suffix == ".gz"):
            continue
        gzip = "GZIP" if path.suffix == ".gz" else ""
        for record in tf.data.TFRecordDataset(str(path), gzip).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            image = features["image"]
            if image.float_list.value:
                pixels = np.asarray(image.float_list.value, np.float32).reshape(224, 224, 3)
                pixels = np.round(np.clip(pixels, 0, 1) * np.float32(255)).astype(np.uint8)
            else:
                data = image.bytes_list.value[0]
                is_picture = data[:2] in (b"\xff\xd8", b"\x89P")
                pixels = (
                    tf.io.decode_image(data) if is_picture else tf.io.parse_tensor(data, tf.uint8)
                ).numpy()
            found[features["id"].int64_list.value[0]] = pixels.astype(np.int16)
    return found


def _compare(work: Path, names: list[str]) -> dict[str, Any]:
    model = _images(work / f"out-{names[0]}")
    result = {}
    lossless: dict[int, np.ndarray] | None = None
    for name in names[1:]:
        images = _images(work / f"out-{name}")
        if set(images) != set(model):
            raise DisagreementError(f"{name} has {len(images)} images, not {len(model)}")
        differences = [np.abs(images[i] - model[i]) for i in model]
        largest = max(int(d.max()) for d in differences)
        mean = float(np.mean([d.mean() for d in differences]))
        result[name] = {"max": largest, "mean": mean}
        is_exact = name in ("own_graph", "unguarded")
        is_lossless = name.endswith(("_png", "_raw", "_float"))
        mean_bound = MEAN_JPEG_LOSS if is_lossless else MEAN_DIFFERENCE
        if largest > (0 if is_exact else MAX_DIFFERENCE) or mean > mean_bound:
            raise DisagreementError(f"{name} differs by up to {largest}, by {mean:.3f} on average")
        if is_lossless:
            lossless = lossless or images
            if any(not np.array_equal(images[i], lossless[i]) for i in images):
                raise DisagreementError(f"{name} differs from another lossless encoding")
    return result


if __name__ == "__main__":
    print(json.dumps(_compare(Path(sys.argv[1]), sys.argv[2:])))
