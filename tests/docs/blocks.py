"""The fenced blocks of a page, and its commands as a reader would type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "block", "blocks", "commands_in", "type_in"]

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """The blocks of a page in their order, each with its language; `""` where none is named."""
    return _BLOCK.findall((ROOT / page).read_text())


def block(page: str, phrase: str) -> str:
    """The one block of a page that has a phrase in it."""
    (text,) = [text for _, text in blocks(page) if phrase in text]
    return text


def commands_in(text: str) -> list[str]:
    """The commands of a block, those over several lines as one, without prompt and comment."""
    lines = text.replace("\\\n", " ").splitlines()
    return [re.sub(r"  +#.*$", "", line.removeprefix("$ ")) for line in lines]


def type_in(folder: Path, command: str, code: int = 0) -> str:
    """What a command prints to stdout, in a shell that has the environment's programs."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, (command, done.stderr[-2000:])
    return done.stdout
