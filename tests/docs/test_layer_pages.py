import io

import numpy as np
import pytest
from PIL import Image

import pixelbake.layers
from docs.layer_pages import FOLDER, NO_PICTURE, as_jpeg, index_text, page_text, picture_of

NAMES = sorted(pixelbake.layers.__all__)


def file_of(name: str) -> str:
    return getattr(pixelbake.layers, name).__module__.rpartition(".")[2]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_a_layer_says_what_its_docstring_says(name):
    page = FOLDER / f"{file_of(name)}.md"
    assert page.exists(), "run `make docs`"
    assert page.read_text() == page_text(name), "run `make docs`"


def test_the_index_lists_every_layer_and_nothing_else():
    assert (FOLDER / "README.md").read_text() == index_text(), "run `make docs`"
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert pages == {file_of(name) for name in NAMES}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_PICTURE])
def test_the_picture_of_a_layer_is_made_by_the_layer(name):
    drawn = picture_of(name)
    made = np.asarray(Image.open(io.BytesIO(as_jpeg(drawn))), np.float32)
    with Image.open(FOLDER / f"{file_of(name)}.jpg") as kept:
        assert kept.size == drawn.size
        difference = np.asarray(kept, np.float32) - made
    assert np.abs(difference).mean() < 0.5, "run `make docs`"
    size = drawn.height, drawn.width // 2 - 4
    pixels = np.asarray(drawn)
    assert not np.array_equal(pixels[:, : size[1]], pixels[:, -size[1] :])
