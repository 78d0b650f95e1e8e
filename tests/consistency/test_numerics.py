"""What each `numerics` promises, under settings that change how TensorFlow adds numbers.

Each setting is a process of its own, which knows nothing but TensorFlow and the frozen graph.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pixelbake.image_graph import freeze_image_graph
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Recipe, Resize
from tests.e2e.fresh_process import write_records
from tests.raw_examples import photos
from tests.trained_mask_layer import trained_mask_layer

pytestmark = pytest.mark.slow

LAYERS = [Brightness(1.2), GaussianBlur(5, 2.0), trained_mask_layer()]
SIZES = {"own size": None, "resized": Resize(height=160, width=160)}
NUMERICS = ["float32", "float64"]

#: Environment, batch size, graph optimisers.
SETTINGS = {
    "without oneDNN": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, 64, "on"),
    "SSE 4.1 only": ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, 64, "on"),
    "without graph optimisers": ({}, 64, "off"),
    "one image a batch": ({}, 1, "on"),
}
OTHER_LINE = Path(__file__).parents[2] / ".venv-tft121" / "bin" / "python"
IS_OTHER_LINE = Path(sys.prefix).resolve() == OTHER_LINE.parents[1].resolve()


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    write_records(folder / "photos.tfrecord", photos(30))
    for numerics in NUMERICS:
        for name, size in SIZES.items():
            recipe = Recipe(resize=size, layers=LAYERS, mask="mask", numerics=numerics)
            graph = freeze_image_graph(recipe).graph_def
            (folder / f"{numerics}, {name}.pb").write_bytes(graph)
    return folder


def pixels_under(graphs, setting, python=sys.executable):
    """By graph, the pixels that a process makes of it."""
    variables, batch, grappler = SETTINGS.get(setting, ({}, 64, "on"))
    script = Path(__file__).with_name("run_image_graph.py")
    command = [python, script, graphs / "photos.tfrecord", str(batch), grappler]
    outs = {path.stem: graphs / f"{path.stem}, {setting}.npy" for path in graphs.glob("*.pb")}
    for name, out in outs.items():
        command += [graphs / f"{name}.pb", out]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: np.load(out) for name, out in outs.items()}


@pytest.fixture(scope="module")
def plain(graphs):
    return pixels_under(graphs, "plain")


def check(plain, other):
    assert sorted(plain) == sorted(other) == sorted(f"{n}, {s}" for n in NUMERICS for s in SIZES)
    for name, pixels in plain.items():
        apart = np.abs(pixels.astype(int) - other[name])
        print(f"{name}: {np.count_nonzero(apart)} of {apart.size} differ, by {apart.max()}")
        if name.startswith("float64"):
            np.testing.assert_array_equal(pixels, other[name])
        else:  # what allow_rounding lets pass
            assert apart.max() <= 1
            assert np.count_nonzero(apart) <= 1e-4 * apart.size


@pytest.mark.parametrize("setting", SETTINGS)
def test_float64_gives_the_same_pixels_and_float32_nearly(graphs, plain, setting):
    check(plain, pixels_under(graphs, setting))


@pytest.mark.cross
@pytest.mark.skipif(not OTHER_LINE.exists() or IS_OTHER_LINE, reason="needs .venv-tft121 beside it")
def test_the_other_line_gives_the_same_pixels_in_float64_and_nearly_in_float32(graphs, plain):
    check(plain, pixels_under(graphs, "other line", str(OTHER_LINE)))


def test_the_numerics_change_what_is_computed(plain):
    for size in SIZES:
        apart = plain[f"float64, {size}"].astype(int) - plain[f"float32, {size}"]
        assert 0 < np.count_nonzero(apart) < 1e-3 * apart.size
