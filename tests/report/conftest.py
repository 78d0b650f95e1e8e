"""One run over real photographs whose names, values and damage are meant to do harm."""

from pathlib import Path

import pytest

from pixelbake.job import JobConfig, run_job
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Recipe, Resize
from tests.job.inputs import DIGITS, PHOTOS, example, write

HOSTILE = "<img src=x onerror=alert(1)>"
CONFIG = {
    "resize": Resize(height=160, width=160),
    "layers": [Brightness(1.2), GaussianBlur(5, 2.0)],
    "passthrough": {"label": "int64", "caption": "bytes"},
}


@pytest.fixture(scope="session")
def reported(tmp_path_factory) -> Path:
    """A published run: two splits, four reasons for quarantine."""
    folder = tmp_path_factory.mktemp("reported")
    captions = [b"</script><script>alert(1)</script>", b"'\"><b>", b"\xff\xfe"]
    good = [
        example(image=image, label=n, caption=captions[n % 3])
        for n, image in enumerate([*PHOTOS[::3], *DIGITS[:3]])
    ]
    bad = [
        example(image=b"GIF89a", label=1, caption=b""),
        example(image=PHOTOS[1], caption=b""),
        example(image=PHOTOS[1][:500], label=1, caption=b""),
        b"not an Example",
    ]
    write(folder / "in" / f"train-{HOSTILE}".replace("/", ""), [*bad[:2], *good[:8], *bad[2:]])
    write(folder / "in" / "eval-0", good[8:])
    config = JobConfig(
        input={"train": f"{folder}/in/train-*", "eval": f"{folder}/in/eval-*"},
        output=str(folder / "run"),
        recipe=Recipe(**CONFIG),
        limits={"max_bad_fraction": 0.9},
    )
    run_job(config)
    return folder / "run"
