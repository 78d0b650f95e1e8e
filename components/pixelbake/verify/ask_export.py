"""Run in a fresh process: asks an export where nothing but TensorFlow and NumPy can be imported.

python -I ask_export.py MODEL_FOLDER REQUEST_FOLDER

Reads `request.json` (`task`, `image_features`, `batch`) and, but for the golden Examples, which
the export brings, `raw.tfrecord` (raw Examples) from the request's folder. The tasks:

- `answers`: what every signature says; `serve_pixels` is given `pixels.tfrecord` (serialised
  tensors). The next task is done too.
- `golden`: what `transform_features` makes of the golden Examples, and what it should.
- `stages`: what the first record is after each stage.

Writes `answers.npz` and, for the first task, `errors.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOREIGN = {"pixelbake", "tensorflow_transform", "tfx_bsl", "apache_beam", "tfx", "pipeline"}


class _Absent:
    """Makes packages look as if they were not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in FOREIGN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, _Absent())

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

SIGNATURES = (
    "serving_default",
    "serve_image_bytes",
    "serve_valid_images",
    "serve_pixels",
    "transform_features",
)


def main(model_folder: str, folder: Path) -> None:
    """Does one task."""
    request = json.loads((folder / "request.json").read_text())
    model = tf.saved_model.load(model_folder)
    missing = [name for name in SIGNATURES if name not in model.signatures]
    if missing:
        sys.exit(f"MISSING {', '.join(missing)}")
    answers: dict[str, Any] = {}
    if request["task"] != "stages":
        answers = _golden(model, Path(model_folder) / "assets.extra" / "pixelbake")
    if request["task"] != "golden":
        raw = _records(folder / "raw.tfrecord")
        images = [_images_of(example, request["image_features"]) for example in raw]
        if request["task"] == "stages":
            has_stages = hasattr(model, "stages")
            stages = model.stages(*map(tf.constant, images[0])) if has_stages else {}
            answers.update({name: value.numpy() for name, value in stages.items()})
        else:
            pixels = _records(folder / "pixels.tfrecord")
            asked = _Asked(model.signatures, raw, images, pixels)
            asked.run(request["batch"])
            answers.update(asked.columns())
            (folder / "errors.json").write_text(json.dumps(asked.errors))
    np.savez(folder / "answers.npz", **answers)
    assert not FOREIGN & set(sys.modules), FOREIGN & set(sys.modules)


def _records(path: Path) -> list[bytes]:
    return list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


def _golden(model: Any, extra: Path) -> dict[str, Any]:
    """Returns what is made of each golden Example, and what should be."""
    answers: dict[str, Any] = {}
    if not (extra / "golden.tfrecord").exists():
        return answers
    dtype = _pixels_dtype(model.signatures)
    for i, record in enumerate(_records(extra / "golden.tfrecord")):
        features = tf.train.Example.FromString(record).features.feature
        golden = {name: features[name].bytes_list.value[0] for name in features}
        examples = tf.constant([golden["example"]])
        (transformed,) = model.signatures["transform_features"](examples=examples).values()
        answers[f"golden/transformed/{i}"] = _array(transformed.numpy()[0])
        answers[f"golden/pixels/{i}"] = tf.io.parse_tensor(golden["pixels"], dtype).numpy()
        answers[f"golden/sha256/{i}"] = _array(golden["sha256"])
    return answers


def _pixels_dtype(signatures: Any) -> Any:
    return signatures["serve_pixels"].structured_input_signature[1]["pixels"].dtype


def _array(value: Any) -> Any:
    """Returns what `np.savez` can hold without pickle: bytes as uint8."""
    if isinstance(value, bytes):
        return np.frombuffer(value, np.uint8)
    array = np.asarray(value)
    return array.astype("S") if array.dtype == object else array


def _images_of(example: bytes, names: list[str]) -> list[bytes]:
    features = tf.train.Example.FromString(example).features.feature
    return [features[name].bytes_list.value[0] for name in names]


class _Asked:
    """What every signature says about every record."""

    def __init__(
        self,
        signatures: Any,
        raw: list[bytes],
        images: list[list[bytes]],
        pixels: list[bytes],
    ) -> None:
        self._signatures = signatures
        self._raw, self._images, self._pixels = raw, images, pixels
        self._dtype = _pixels_dtype(signatures)
        self._rows: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in SIGNATURES}
        self.errors: dict[str, dict[int, str]] = {name: {} for name in SIGNATURES}

    def run(self, batch: int) -> None:
        """Asks batch by batch; where that fails, record by record."""
        for signature in SIGNATURES:
            for start in range(0, len(self._raw), batch):
                chunk = range(start, min(start + batch, len(self._raw)))
                if self._ask(signature, chunk) is not None:
                    for one in chunk:
                        error = self._ask(signature, range(one, one + 1))
                        if error is not None:
                            self.errors[signature][one] = error

    def _ask(self, signature: str, chunk: range) -> str | None:
        try:
            answers = self._signatures[signature](**self._inputs(signature, chunk))
        except Exception as error:  # whatever it is: the run could do what this can't
            return str(error).strip()[:2000]
        for name, values in answers.items():
            for at, row in zip(chunk, values.numpy(), strict=True):
                self._rows[signature].setdefault(at, {})[name] = row
        return None

    def _inputs(self, signature: str, chunk: range) -> dict[str, Any]:
        if signature in ("serving_default", "transform_features"):
            return {"examples": tf.constant([self._raw[i] for i in chunk])}
        if signature == "serve_pixels":
            tensors = [tf.io.parse_tensor(self._pixels[i], self._dtype) for i in chunk]
            return {"pixels": tf.stack(tensors)}
        columns = zip(*(self._images[i] for i in chunk), strict=True)
        names = ("image_bytes", "mask_bytes")
        return dict(zip(names, map(tf.constant, columns), strict=False))

    def columns(self) -> dict[str, Any]:
        """Returns the answers by `signature/output/record`; byte strings as uint8."""
        return {
            f"{signature}/{name}/{at}": _array(value)
            for signature, rows in self._rows.items()
            for at, row in rows.items()
            for name, value in row.items()
        }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
