"""Asks an export in a process of its own, which knows TensorFlow and NumPy only."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pixelbake.errors import InputError, RunError
from pixelbake.intake.tfrecord import frame_record

__all__ = ["Answers", "Golden", "ask_export", "golden_of_export", "stages_of_export"]

_SCRIPT = Path(__file__).with_name("ask_export.py")
_BATCH = 16


@dataclass(frozen=True)
class Golden:
    """A golden Example, run.

    Attributes:
        transformed: The image as the export stores it here and now (bytes as uint8).
        pixels: The pixels it should hold.
        sha256: The SHA-256 of these, as hex.
    """

    transformed: np.ndarray
    pixels: np.ndarray
    sha256: str


@dataclass(frozen=True)
class Answers:
    """What an export's signatures say.

    Attributes:
        rows: By signature and position in the sample: the outputs by name. Byte strings are
            uint8 arrays.
        errors: By signature and position in the sample: why there are none.
        golden: As `golden_of_export` returns it; empty where the export has none.
    """

    rows: dict[str, dict[int, dict[str, np.ndarray]]]
    errors: dict[str, dict[int, str]]
    golden: list[Golden]


def ask_export(
    model: str, image_features: Sequence[str], raw: Sequence[bytes], pixels: Sequence[np.ndarray]
) -> Answers:
    """Sends raw records, and the pixels that were made of them, through every signature.

    Args:
        model: The export's folder.
        image_features: Names of the features with encoded images.
        raw: Serialised raw Examples.
        pixels: What the run made of each: `[H, W, C]`.

    Raises:
        InputError: The folder is no export of `export_serving_model`.
        RunError: The process failed.
    """
    batch = _BATCH if len({one.shape for one in pixels}) == 1 else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tensors = [tf.io.serialize_tensor(one).numpy() for one in pixels]
        (folder / "pixels.tfrecord").write_bytes(b"".join(map(frame_record, tensors)))
        columns = _run(model, folder, "answers", image_features, raw, batch)
        errors = json.loads((folder / "errors.json").read_text())
    rows: dict[str, dict[int, dict[str, np.ndarray]]] = {signature: {} for signature in errors}
    golden = _golden_in(columns)
    for key, value in columns.items():
        signature, rest = key.split("/", 1)
        if signature == "golden":
            continue
        output, at = rest.rsplit("/", 1)
        rows[signature].setdefault(int(at), {})[output] = value
    by_place = {s: {int(at): text for at, text in e.items()} for s, e in errors.items()}
    return Answers(rows, by_place, golden)


def stages_of_export(
    model: str, image_features: Sequence[str], raw: bytes
) -> dict[str, np.ndarray]:
    """Returns what an export makes of one record after each stage, by name.

    Empty where the export doesn't know: its transform graph had no image graph beside it.
    """
    with tempfile.TemporaryDirectory() as name:
        return _run(model, Path(name), "stages", image_features, [raw])


def golden_of_export(model: str) -> list[Golden]:
    """Runs an export's golden Examples."""
    with tempfile.TemporaryDirectory() as name:
        return _golden_in(_run(model, Path(name), "golden"))


def _golden_in(columns: dict[str, np.ndarray]) -> list[Golden]:
    count = sum(key.startswith("golden/pixels/") for key in columns)
    return [
        Golden(
            transformed=columns[f"golden/transformed/{i}"],
            pixels=columns[f"golden/pixels/{i}"],
            sha256=columns[f"golden/sha256/{i}"].tobytes().decode(),
        )
        for i in range(count)
    ]


def _run(
    model: str,
    folder: Path,
    task: str,
    image_features: Sequence[str] = (),
    raw: Sequence[bytes] = (),
    batch: int = 1,
) -> dict[str, np.ndarray]:
    request = {"task": task, "image_features": list(image_features), "batch": batch}
    (folder / "request.json").write_text(json.dumps(request))
    (folder / "raw.tfrecord").write_bytes(b"".join(map(frame_record, raw)))
    command = [sys.executable, "-I", str(_SCRIPT), model, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines()
    if lines and lines[-1].startswith("MISSING "):
        raise InputError(
            f"{model} was not exported by this version of pixelbake.export_serving_model: it lacks "
            f"the signatures {lines[-1].removeprefix('MISSING ')}."
        )
    if done.returncode != 0:
        raise RunError(f"the process that asks {model} failed:\n{done.stderr[-3000:]}")
    with np.load(folder / "answers.npz") as loaded:
        return dict(loaded)
