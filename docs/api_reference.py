"""Makes an API reference from docstrings: a page for each module with public names.

`python -m docs.api_reference build/api` writes it; `make docs` does so too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pdoc

import pixelbake

__all__ = ["MODULES", "write_reference"]

#: The modules whose `__all__` is the public face. TFX does not install everywhere.
MODULES = [
    "pixelbake",
    "pixelbake.errors",
    "pixelbake.job",
    "pixelbake.layers",
    "pixelbake.preprocessing",
    "pixelbake.reading",
    "pixelbake.recipe",
    "pixelbake.report",
    "pixelbake.serving",
    *(["pixelbake.tfx"] if find_spec("tfx") else []),
    "pixelbake.verify",
]


def write_reference(folder: Path) -> None:
    """Writes every page."""
    for name in pixelbake.__all__:  # pdoc sees only what is loaded already
        setattr(pixelbake, name, getattr(pixelbake, name))
    for module in MODULES:
        import_module(module)
    pdoc.render.configure(docformat="google")
    pdoc.pdoc(*MODULES, output_directory=folder)


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]))
