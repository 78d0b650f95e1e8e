"""The one finished run that most tests of the job look at, over real photographs and scans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pixelbake.job import JobConfig, Manifest, run_job
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Recipe
from tests.job.inputs import DIGITS, PHOTOS, example, write

LAYERS = [Brightness(1.2), GaussianBlur(5, 2.0)]
RECIPE = Recipe(
    layers=LAYERS,
    passthrough={
        "label": "int64",
        "box": {"dtype": "float32", "shape": (2, 2)},
        "caption": "bytes",
        "tags": {"dtype": "bytes", "shape": None},
        "scores": {"dtype": "float32", "shape": None},
        "ids": {"dtype": "int64", "shape": None},
    },
)


def record(n: int, image: bytes) -> bytes:
    """The n-th input record; features of any number of values have 0 to 2, or are absent."""
    varying = {
        "tags": [b"\xff\0tag", b""][: n % 3],
        "scores": [float("-inf"), 0.1][: n % 3],
        "ids": [-(2**63), n][: n % 3],
    }
    dtypes = {"tags": "bytes", "scores": "float32", "ids": "int64"}
    return example(
        image=image,
        label=n,
        box=[n + 0.1, -0.0, 1e-45, float("nan")],
        caption=f"photograph {n}".encode() + b"\xff",
        unnamed=n,
        **{name: (dtypes[name], values) for name, values in varying.items() if n % 4 or values},
    )


@dataclass(frozen=True)
class Finished:
    """A published run, and the records that went in, by split and shard."""

    folder: Path
    inputs: dict[str, dict[Path, list[bytes]]]
    config: JobConfig
    manifest: Manifest

    @property
    def shards(self) -> list[tuple[list[bytes], Path]]:
        """The input records of each shard, and the path of its output."""
        return [
            (self.inputs[shard.split][Path(shard.input)], self._output(shard))
            for shard in self.manifest.shards
        ]

    def _output(self, shard) -> Path:
        return self.folder / "examples" / f"Split-{shard.split}" / shard.output


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    base = tmp_path_factory.mktemp("finished")
    photos = [record(n, image) for n, image in enumerate(PHOTOS)]
    digits = [record(n, image) for n, image in enumerate(DIGITS)]
    train, held_out = base / "in" / "train", base / "in" / "eval"
    inputs = {
        "train": {
            write(train / "a-0", photos[:8]): photos[:8],
            write(train / "a-1.gz", photos[8:16], packed=True): photos[8:16],
            write(train / "a-2", photos[16:20], packed=True): photos[16:20],
            write(train / "a-3.gz", [], packed=True): [],
        },
        "eval": {
            write(held_out / "photos.gz", photos[20:]): photos[20:],
            write(held_out / "scans", [*digits, photos[0]]): [*digits, photos[0]],
        },
    }
    config = JobConfig(
        input={"train": f"{train}/a-*", "eval": f"{held_out}/*"},
        output=str(base / "runs" / "first"),
        recipe=RECIPE,
    )
    return Finished(base / "runs" / "first", inputs, config, run_job(config))
