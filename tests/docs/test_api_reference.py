"""The API reference, as `make docs` makes it."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_public_name_has_its_docstring_on_the_page_of_its_module(tmp_path):
    command = [sys.executable, "-m", "docs.api_reference", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "does not resolve" not in done.stderr
    from docs.api_reference import MODULES

    for module in MODULES:
        page = (tmp_path / f"{module.replace('.', '/')}.html").read_text()
        for name in import_module(module).__all__:
            assert f'id="{name}"' in page, (module, name)
            value = getattr(import_module(module), name)
            if callable(value):
                _, _, after = page.partition(f'id="{name}"')
                assert 'class="docstring"' in after.partition("</section>")[0], (module, name)
