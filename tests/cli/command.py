"""The installed command, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["COMMANDS", "call"]

SCRIPT = str(Path(sys.executable).with_name("pixelbake"))
COMMANDS = {"script": [SCRIPT], "module": [sys.executable, "-m", "pixelbake"]}
#: `make` sets these; a user's terminal does not.
UNSET = ("PYTHONWARNINGS", "TF_CPP_MIN_LOG_LEVEL")


def call(*args, command="script", folder=None, **variables) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k not in UNSET}
    return subprocess.run(
        [*COMMANDS[command], *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**environment, **variables},
        timeout=300,
    )
