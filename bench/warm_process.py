"""The benchmark's handle of a contender that waits in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.case import Case

__all__ = ["ContenderError", "WarmProcess"]


class ContenderError(RuntimeError):
    """A contender's process has ended instead of answering."""


class WarmProcess:
    """Starts a contender and keeps it, so that importing and warming up are not measured.

    Args:
        name: One of `CONTENDERS`.
        case: What it is to do.
        log: Where all that its libraries print goes.
    """

    def __init__(self, name: str, case: Case, log: Path) -> None:
        self.name = name
        self._log = log
        command = [sys.executable, "-m", "bench.worker", name, json.dumps(asdict(case))]
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )

    def wait_until_ready(self) -> None:
        """Returns when the contender has imported and prepared what it needs."""
        self._answer()

    def run(self, source: Path, out: Path, keep: bool = False) -> dict[str, Any]:
        """Has the contender transform a folder.

        Args:
            source: Folder of TFRecords.
            out: Folder to write to; an old one is removed.
            keep: Whether to leave it there.

        Returns:
            `seconds`, `cpu_seconds`, `bytes_written`, and `peak_rss_bytes` so far.
        """
        request = {"source": str(source), "out": str(out), "keep": keep}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            last = self._log.read_text().strip().splitlines()[-8:]
            raise ContenderError(f"{self.name} has ended; see {self._log}:\n" + "\n".join(last))
        answer: dict[str, Any] = json.loads(line)
        return answer
