"""`--fault-table FILE` writes what became of each fault as the table of docs/reliability.md."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", type=Path, help="write the table of faults to this file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = {}


_ROWS: pytest.StashKey[dict[str, tuple[str, str]]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    fault = next((mark for mark in item.iter_markers("fault")), None)
    if fault is not None and (report.when == "call" or report.failed):
        name, outcome = fault.args
        if hasattr(item, "callspec") and "{" in name + outcome:
            name, outcome = (text.format(**item.callspec.params) for text in (name, outcome))
        item.config.stash[_ROWS][name] = (outcome, report.outcome)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--fault-table")
    rows = session.config.stash[_ROWS]
    if path is None or not rows:
        return
    words = {"passed": "yes", "failed": "**no**", "skipped": "not run here"}
    table = ["| fault | what pixelbake does | seen |", "|---|---|---|"]
    table += [f"| {name} | {outcome} | {words[seen]} |" for name, (outcome, seen) in rows.items()]
    start, end = "<!-- faults -->\n", "<!-- end of faults -->\n"
    text = path.read_text()
    head, rest = text.split(start)
    path.write_text(head + start + "\n" + "\n".join(table) + "\n\n" + end + rest.split(end)[1])
