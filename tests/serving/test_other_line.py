"""What one line of libraries exports, the other serves, through every loader.

`make test-cross` makes both environments and runs it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.e2e.fresh_process import write_records
from tests.raw_examples import example, photos

OTHER_LINE = Path(__file__).parents[2] / ".venv-tft121" / "bin" / "python"
IS_OTHER_LINE = Path(sys.prefix).resolve() == OTHER_LINE.parents[1].resolve()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cross,
    pytest.mark.skipif(
        not OTHER_LINE.exists() or IS_OTHER_LINE, reason="needs .venv-tft121 beside this one"
    ),
]

HERE = Path(__file__).parent
PHOTOS = photos(4, [(224, 224), (91, 120)])
THIS, OTHER = sys.executable, str(OTHER_LINE)


def call(python, script, *arguments):
    command = [python, "-W", "ignore", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module", params=[(THIS, OTHER), (OTHER, THIS)], ids=["here", "there"])
def written(request, tmp_path_factory):
    """An export by one line, the other line's Python, and what the writer's own says."""
    writer, reader = request.param
    folder = tmp_path_factory.mktemp("export")
    call(writer, HERE / "write_export.py", folder)
    write_records(folder / "examples", [example(image=[data]) for data in PHOTOS])
    ask = HERE.parent / "e2e" / "predict.py"
    own = {}
    for name in ("serving_default", "transform_features"):
        out = folder / f"{name}.npz"
        call(writer, ask, folder / "model", name, out, f"examples={folder / 'examples'}")
        own[name] = np.load(out, allow_pickle=True)
    return folder, reader, own


def test_the_saved_model_loader_gives_the_same_pixels_and_predictions(written):
    folder, reader, own = written
    ask = HERE.parent / "e2e" / "predict.py"
    for name in ("serving_default", "transform_features"):
        out = folder / f"other-{name}.npz"
        call(reader, ask, folder / "model", name, out, f"examples={folder / 'examples'}")
        answers = np.load(out, allow_pickle=True)
        if name == "serving_default":
            np.testing.assert_allclose(answers["outputs"], own[name]["outputs"], atol=1e-4)
            continue
        for one, other in zip(answers["image"], own[name]["image"], strict=True):
            np.testing.assert_array_equal(tf.io.decode_png(one), tf.io.decode_png(other))


@pytest.mark.parametrize("script", ["predict_v1.py", "predict_keras.py"])
def test_the_session_loader_and_keras_give_the_same_predictions(written, script):
    folder, reader, own = written
    out = folder / f"{script}.npz"
    call(reader, HERE / script, folder / "model", "serving_default", out, folder / "examples")
    answers = np.load(out)["outputs"]
    np.testing.assert_allclose(answers, own["serving_default"]["outputs"], atol=1e-4)
