"""One module a contender; each has `make(case)`, which returns a function to be timed.

The function takes a folder of TFRecords and an output folder that does not exist yet, writes all
images there as TFRecords of Examples with the features `image` and `id`, and returns nothing.
Whatever only has to be done once in a process's life, `make` does.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from bench.case import Case

__all__ = ["CONTENDERS", "Run", "make", "missing"]

Run = Callable[[Path, Path], None]

#: Contenders by the names of `--only`, with what they are called in the document. `pixelbake` is
#: f, measured again per output encoding.
CONTENDERS = {
    "pixelbake": "pixelbake (guard on)",
    "unguarded": "pixelbake without its guard",
    "own_graph": "pixelbake's graph without its job",
    "bare_graph": "bare TensorFlow graph",
    "tf_data": "tf.data",
    "opencv_pool": "OpenCV process pool",
    "stock_transform": "stock TFX Transform",
    "tft_by_hand": "TFT by hand",
}

_NEEDS = {
    "stock_transform": "tfx",
    "tft_by_hand": "tfx_bsl",
    "opencv_pool": "cv2",
}


def missing(name: str) -> str | None:
    """Returns why a contender can't run here, or None."""
    from importlib.util import find_spec

    package = _NEEDS.get(name)
    if package is not None and find_spec(package) is None:
        return f"{package} is not installed"
    return None


def make(name: str, case: Case) -> Run:
    """Imports a contender and sets it up; call it in the process that will run it."""
    run: Run = import_module(f"bench.contenders.{name}").make(case)
    return run
