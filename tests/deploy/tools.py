"""The tools of environments that `make test-deploy` builds beside the library's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["DEPLOY", "PIXELBAKE", "ROOT", "run", "tool"]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
#: The installed command of the environment that the tests run in.
PIXELBAKE = Path(sys.executable).with_name("pixelbake")


def tool(environment: str, name: str) -> str:
    """The path of a tool in `.venv-<environment>`; skips the test if it isn't there."""
    path = ROOT / f".venv-{environment}" / "bin" / name
    if not path.exists():
        pytest.skip(f"no {path.relative_to(ROOT)}: make test-deploy builds it")
    return str(path)


def system_tool(name: str, package: str) -> str:
    """The path of a tool of the system; skips the test if it isn't there."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}: on Debian or Ubuntu, apt-get install {package}")
    return path


def run(*args, **options) -> subprocess.CompletedProcess:
    options = {"capture_output": True, "text": True, "timeout": 600, **options}
    return subprocess.run([str(arg) for arg in args], check=False, **options)
