"""A verdict of `pixelbake verify` on a run's page, in a real browser: one good, one of skew."""

import shutil
from pathlib import Path

import keras
import pytest
from click.testing import CliRunner
from PIL import Image

from pixelbake import export_serving_model
from pixelbake.cli.verify import verify
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph
from tests.report.conftest import CONFIG
from tests.report.test_report_in_browser import (
    CHROMIUM,
    DARK,
    KEPT,
    PROBE,
    chromium,
    contrast,
    looked_at,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
VERDICTS = {"consistent": 0, "skew": 1}
SHOTS = {
    "phone": (390, []),
    "phone-dark": (390, [DARK]),
    "light": (1200, []),
    "dark": (1200, [DARK]),
}
#: The page's own probe, but for the colours, which are the verdict's.
VERDICT = PROBE.replace("document.body", 'document.querySelector(".verdict")')


@pytest.fixture(scope="module")
def pages(reported, tmp_path_factory) -> dict[str, Path]:
    """The page of a run after a model with the run's graph, and one of another, were verified."""
    folder = tmp_path_factory.mktemp("verdicts")
    other = Recipe(**{**CONFIG, "layers": [Brightness(1.4), GaussianBlur(5, 2.0)]})
    write_transform_graph(other, str(folder / "other"))
    keras.utils.set_random_seed(3)
    pixels = keras.Input((160, 160, 3), dtype="uint8")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(4)(x))
    graphs = {"consistent": f"{reported}/transform_graph", "skew": str(folder / "other")}
    made = {}
    for name, graph in graphs.items():
        run = shutil.copytree(reported, folder / name / "run")
        export = str(folder / name / "serving" / "1")
        export_serving_model(model, graph, export)
        command = [str(run), "--serving-model", export, "--picture", str(folder / "skew.png")]
        done = CliRunner().invoke(verify, command, standalone_mode=False)
        assert (done.exception, done.return_value) == (None, VERDICTS[name]), done.output
        made[name] = run / "report.html"
    return made


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("shot", SHOTS)
def test_a_verdict_is_drawn_whole_and_can_be_read(pages, tmp_path, name, shot):
    page = Path(shutil.copy(pages[name], tmp_path / "report.html"))
    width, flags = SHOTS[shot]
    found = looked_at(page, tmp_path, *flags, probe=VERDICT, width=width)
    assert min(found["widths"]) > 0
    assert (found["width"], found["overflow"], found["hidden"]) == (width, 0, [])
    assert contrast(found) > 4.5
    assert "CONSOLE" not in chromium(page, "--dump-dom", *flags).stderr
    KEPT.mkdir(parents=True, exist_ok=True)
    path = (KEPT / f"{name}-{shot}.png").resolve()
    chromium(page, f"--screenshot={path}", f"--window-size={width},1400", *flags)
    with Image.open(path) as picture:
        assert len(picture.convert("RGB").getcolors(2**24)) > 1000
