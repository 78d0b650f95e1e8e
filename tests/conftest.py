"""`--compatibility FILE` writes what this run showed about its stack into docs/compatibility.md."""

from __future__ import annotations

import os
import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

START, END = "<!-- rows -->\n", "<!-- end of rows -->\n"
PACKAGES = ("tfx", "tensorflow", "tensorflow-transform", "apache-beam", "keras")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--compatibility", type=Path, help="write this stack's row into this file")


def pytest_terminal_summary(terminalreporter, exitstatus, config: pytest.Config) -> None:
    path = config.getoption("--compatibility")
    if path is None or hasattr(config, "workerinput"):
        return
    counts = Counter(
        {kind: len(terminalreporter.stats.get(kind, [])) for kind in ("passed", "failed", "error")}
    )
    wrong = counts["failed"] + counts["error"]
    which = config.getoption("markexpr").replace(" and not deploy", "") or "all"
    outcome = f"{counts['passed']} passed" + (f", **{wrong} failed**" if wrong else "")
    cells = [
        platform.python_version(),
        *(_version(name) for name in PACKAGES),
        os.confstr("CS_GNU_LIBC_VERSION").removeprefix("glibc "),
        which,
        outcome,
    ]
    head, rest = path.read_text().split(START)
    rows, tail = rest.split(END)
    row = "| " + " | ".join(cells) + " |\n"
    # One row for a stack, a C library and a kind of tests: this run's replaces the last one's.
    key = [*cells[0].split(".")[:2], cells[1].split(".")[:2], *cells[6:8]]
    others = [line + "\n" for line in rows.splitlines() if line and _key(line) != key]
    path.write_text(head + START + "".join(sorted([*others, row])) + END + tail)


def _key(row: str) -> list:
    cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
    return [*cells[0].split(".")[:2], cells[1].split(".")[:2], *cells[6:8]]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
