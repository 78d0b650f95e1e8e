"""What every page promises: links that lead somewhere, and examples that are taken as printed."""

import re
from operator import attrgetter
from pathlib import Path

import keras
import pytest

import pixelbake
import pixelbake.recipe
from pixelbake.job import job_from_yaml
from pixelbake.recipe import recipe_from_yaml
from tests.docs.blocks import ROOT, block, blocks

PAGES = [
    page
    for folder in (".", "docs", "docs/layers", "docs/tutorial")
    for page in sorted((ROOT / folder).glob("*.md"))
]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchor_of(heading: str) -> str:
    """GitHub's own."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def dead_links(page: Path) -> list[str]:
    dead = []
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        headings = HEADING.findall(target.read_text()) if anchor and target.exists() else []
        if not target.exists() or (anchor and anchor not in map(anchor_of, headings)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_anchor_leads_somewhere(page):
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A Page: one\n[a](#a-page-one) [b](#other) [c](none.md) [d](page.md#none)\n")
    assert dead_links(page) == ["#other", "none.md", "page.md#none"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_example_is_python(page):
    for kind, text in blocks(str(page.relative_to(ROOT))):
        if kind == "python":
            compile(re.sub(r"^ *\.\.\.$", "", text, flags=re.MULTILINE), str(page), "exec")


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md"],  # tells of names that are gone
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_name_of_the_package_that_a_page_tells_is_there(page):
    for name in re.findall(r"`pixelbake\.([\w.]*\w)", page.read_text()):
        if name.partition(".")[0] not in ("tfx", "timer", "service"):  # not on all stacks; units
            assert attrgetter(name)(pixelbake) is not None


def test_the_readme_s_layers_make_a_model():
    names = {}
    exec(block("README.md", "keras.Input"), names)
    assert names["model"].output_shape == (None, 224, 224, 3)
    assert len(names["model"].trainable_weights) == 2
    assert isinstance(names["model"], keras.Model)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/README.md", "docs/masks.md"])
def test_the_yaml_of_a_page_is_taken_as_it_is_printed(page, tmp_path):
    texts = [text for kind, text in blocks(page) if kind == "yaml"]
    assert texts
    for text in texts:
        path = tmp_path / "file.yaml"
        path.write_text(text)
        if "input:" in text:
            assert job_from_yaml(path).recipe.layers
        else:
            assert recipe_from_yaml(path).layers
