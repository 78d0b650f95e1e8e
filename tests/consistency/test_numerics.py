"""What each `numerics` promises, under settings that change how TensorFlow adds numbers.

Each setting is a process of its own, which knows nothing but TensorFlow and the frozen graph.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pixelbake.image_graph import freeze_image_graph
from pixelbake.layers import (
    CLAHE,
    BoxBlur,
    BoxMask,
    Brightness,
    BrightnessNormalization,
    CombinedMask,
    Contrast,
    ContrastStretching,
    Crop,
    EllipseMask,
    Equalize,
    FeatureMask,
    Fill,
    Flip,
    Gamma,
    GaussianBlur,
    Grayscale,
    Hue,
    Invert,
    Masked,
    MedianBlur,
    Pad,
    Pixelate,
    PolygonMask,
    Posterize,
    Rotate90,
    Saturation,
    Sharpen,
    Solarize,
    ThresholdMask,
)
from pixelbake.recipe import Recipe, Resize
from tests.e2e.fresh_process import write_records
from tests.raw_examples import photos
from tests.trained_mask_layer import trained_mask_layer

pytestmark = pytest.mark.slow

LAYERS = [Brightness(1.2), GaussianBlur(5, 2.0), trained_mask_layer()]
SIZES = {"own size": None, "resized": Resize(height=160, width=160)}
NUMERICS = ["float32", "float64", "exact"]

#: Every exact form that is not in `LAYERS` already.
_BLOB = [
    CombinedMask(
        "union",
        [
            EllipseMask((0.1, 0.3, 0.6, 0.9)),
            [PolygonMask(((0.1, 0.1), (0.9, 0.3), (0.4, 0.95))), GaussianBlur(9, 3.0)],
        ],
    )
]
EXACT_ONLY = {
    "colours": {
        "layers": [
            BrightnessNormalization(0.5, mean=0.4),
            Gamma(0.7),
            ContrastStretching(darkest=0.1, brightest=0.8),
            Contrast(1.4),
            Saturation(1.5),
            Hue(0.2),
            Invert(),
            Solarize(0.7),
        ]
    },
    "neighbourhoods": {
        "layers": [
            MedianBlur(3),
            Sharpen(1.5),
            BoxBlur((3, 5)),
            GaussianBlur(17, 4.0),
            Pad(3, mode="reflect"),
            Crop(2, 3, 200, 200),
            Rotate90(),
            Flip("horizontal"),
            keras.layers.MaxPooling2D(2),
        ]
    },
    "masks": {
        "layers": [
            Masked(_BLOB, inside=Pixelate(7), outside=Grayscale(output_channels=3)),
            Masked([ThresholdMask(0.5), Invert()], inside=Equalize(), outside=CLAHE(3.0)),
            Masked([FeatureMask(), BoxMask((0.2, 0.0, 1.0, 0.7))], outside=Fill((0.9, 0.1, 0.2))),
            Posterize(5),
        ],
        "mask": "mask",
    },
    "area": {"resize": Resize(height=100, width=300, method="area")},
    "enlarged": {"resize": Resize(height=300, width=160, antialias=False)},
    "nearest": {"resize": Resize(height=150, width=300, method="nearest")},
}

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
    for name, parts in EXACT_ONLY.items():
        graph = freeze_image_graph(Recipe(**parts, numerics="exact")).graph_def
        (folder / f"exact, {name}.pb").write_bytes(graph)
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
    names = [f"{n}, {s}" for n in NUMERICS for s in SIZES] + [f"exact, {n}" for n in EXACT_ONLY]
    assert sorted(plain) == sorted(other) == sorted(names)
    for name, pixels in plain.items():
        apart = np.abs(pixels.astype(int) - other[name])
        print(f"{name}: {np.count_nonzero(apart)} of {apart.size} differ, by {apart.max()}")
        if not name.startswith("float32"):
            np.testing.assert_array_equal(pixels, other[name])
        else:  # what allow_rounding lets pass
            assert apart.max() <= 1
            assert np.count_nonzero(apart) <= 1e-4 * apart.size


@pytest.mark.parametrize("setting", SETTINGS)
def test_exact_and_float64_give_the_same_pixels_and_float32_nearly(graphs, plain, setting):
    check(plain, pixels_under(graphs, setting))


@pytest.mark.cross
@pytest.mark.skipif(not OTHER_LINE.exists() or IS_OTHER_LINE, reason="needs .venv-tft121 beside it")
def test_the_other_line_gives_the_same_pixels_but_in_float32_only_nearly(graphs, plain):
    check(plain, pixels_under(graphs, "other line", str(OTHER_LINE)))


def test_the_numerics_change_what_is_computed(plain):
    for size in SIZES:
        apart = plain[f"float64, {size}"].astype(int) - plain[f"float32, {size}"]
        assert 0 < np.count_nonzero(apart) < 1e-3 * apart.size


def test_float32_is_not_the_same_everywhere(graphs, plain):
    other = pixels_under(graphs, "without oneDNN")
    assert any(np.any(plain[f"float32, {size}"] != other[f"float32, {size}"]) for size in SIZES)


def test_exact_pixels_are_at_most_a_step_from_those_of_float64(plain):
    for size in SIZES:
        apart = np.abs(plain[f"float64, {size}"].astype(int) - plain[f"exact, {size}"])
        print(f"{size}: {np.count_nonzero(apart) / apart.size:.4f} of the values differ")
        assert apart.max() == 1
        assert np.count_nonzero(apart) < 0.05 * apart.size
