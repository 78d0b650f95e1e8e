"""Makes docs/images/session.svg: what the commands really print, over the digits.

`python -m docs.terminal_session` runs them; `make docs` does so too.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

__all__ = ["COMMANDS", "TARGET", "record", "transcript"]

TARGET = Path(__file__).parent / "images" / "session.svg"
COMMANDS = (
    "pixelbake init data/*.tfrecord",
    "pixelbake preview job.yaml",
    "pixelbake run job.yaml",
    "pixelbake inspect runs/first",
)


def transcript() -> dict[str, str]:
    """Runs the commands, and returns what each printed, but for how fast this machine was."""
    from pipeline.digits import write_digits

    printed = {}
    with tempfile.TemporaryDirectory() as folder:
        write_digits(Path(folder) / "data")
        for command in COMMANDS:
            done = subprocess.run(
                ["bash", "-c", f"{Path(sys.executable).parent}/{command}"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            )
            text = (done.stderr + done.stdout).replace(f"{folder}/", "").rstrip()
            lines = [line for line in text.splitlines() if " images/s, " not in line]
            printed[command] = "\n".join(lines)
    return printed


def record(path: Path) -> None:
    """Runs the commands and writes the session as an SVG that asks the network for nothing."""
    console = Console(record=True, width=92, file=open("/dev/null", "w"))  # noqa: SIM115
    for command, printed in transcript().items():
        console.print(Text("$ ", "bold green") + Text(command, "bold"))
        console.print(Text(printed))
        console.print()
    svg = console.export_svg(title="pixelbake")
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))


if __name__ == "__main__":
    record(TARGET)
