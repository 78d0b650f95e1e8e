"""One bound on memory, whatever the size of the images."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import Image

from tests.job.inputs import PHOTOS, example, write

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
import pixelbake
from pixelbake.layers import Brightness, GaussianBlur

pixelbake.run_job(
    pixelbake.JobConfig(
        input={"photos": sys.argv[1]},
        output=sys.argv[2],
        recipe=pixelbake.Recipe(
            layers=[Brightness(1.2), GaussianBlur(5, 2.0)], output={"encoding": "raw"}
        ),
    )
)
# Not getrusage: it starts from what the process that started this one once had.
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak.split()[1]) / 2**20)
"""


def photograph(megapixels: float) -> bytes:
    image = Image.open(io.BytesIO(PHOTOS[0]))
    side = round((megapixels * 1e6) ** 0.5)
    buffer = io.BytesIO()
    image.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("megapixels", "count", "max_gib"), [(0.05, 2_000, 1.5), (12, 10, 1.5), (25, 4, 2.0)]
)
def test_a_run_stays_under_the_bound(tmp_path, megapixels, count, max_gib):
    write(tmp_path / "photos", [example(image=photograph(megapixels))] * count)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "photos"), str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert 0.3 < float(done.stdout.split()[-1]) < max_gib
