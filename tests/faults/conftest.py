"""`--fault-table FILE` writes what became of faults and odd images into docs/reliability.md.

What is to be written goes with the tests' reports, so that they may run in several processes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FAULT = "fault"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", type=Path, help="write the table of faults to this file")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--fault-table")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tables(path, bool(config.option.keyword)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    fault = next((mark for mark in item.iter_markers(FAULT)), None)
    if fault is not None and (report.when == "call" or not report.passed):
        name, outcome = fault.args
        if hasattr(item, "callspec") and "{" in name + outcome:
            name, outcome = (text.format(**item.callspec.params) for text in (name, outcome))
        report.user_properties.append((FAULT, [item.session.items.index(item), name, outcome]))
    return report


class Tables:
    """Gathers what the tests have seen, and writes it when all are done."""

    def __init__(self, path: Path, is_part: bool) -> None:
        self._path = path
        self._is_part = is_part
        self._rows: dict[str, tuple[int, str, str]] = {}
        self._seen: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name != FAULT:
                self._seen[name] = value
            elif report.when == "call" or not report.passed:
                index, fault, what = value
                before = self._rows.get(fault, (index, what, "passed"))[2]
                # Two tests may share a row: it says yes if both do.
                outcome = report.outcome if before == "passed" else before
                self._rows[fault] = (index, what, outcome)

    def pytest_sessionfinish(self) -> None:
        if self._rows:
            self._put("faults", self._faults())
        if "corpus_counts" in self._seen and "corpus_figures" in self._seen:
            self._put("corpus", self._corpus())
        if "guard_cost" in self._seen:
            self._put("guard", self._guard())

    def _faults(self) -> list[str]:
        words = {"passed": "yes", "failed": "**no**", "skipped": "not run here"}
        rows = {line.split(" | ")[0]: line for line in self._standing_rows()}
        for name, (_, what, outcome) in sorted(self._rows.items(), key=lambda row: row[1]):
            rows[f"| {name}"] = f"| {name} | {what} | {words[outcome]} |"
        return ["| fault | what pixelbake does | seen |", "|---|---|---|", *rows.values()]

    def _standing_rows(self) -> list[str]:
        """Rows of an earlier run, which stay if this run is one of some tests only."""
        text = self._path.read_text().split("<!-- faults -->\n")[1]
        lines = text.split("<!-- end of faults -->")[0].strip().splitlines()
        return lines[2:] if self._is_part else []

    def _corpus(self) -> list[str]:
        counts, figures = self._seen["corpus_counts"], self._seen["corpus_figures"]
        table = ["| format | files | verdict |", "|---|---|---|"]
        table += [f"| {kind} | {count} | {verdict} |" for kind, verdict, count in counts]
        return [
            *table,
            "",
            f"{sum(row[2] for row in counts)} files. The slowest took {figures['slowest']:.2f} s "
            f"of CPU time, the largest {figures['largest']:.0f} MiB of memory beyond what the "
            "process had; the test allows 1 s and 512 MiB.",
        ]

    def _guard(self) -> list[str]:
        cost = self._seen["guard_cost"]
        return [
            f"Checksums, parsing and the header gate take {cost['own']:.0f} µs of CPU time an "
            f"image: {cost['share']:.1%} of the {cost['job']:.0f} µs that the job takes without "
            f"them. The whole job with and without, alternating: {cost['whole']:+.1%}, give or "
            f"take {cost['error']:.1%} (median of the differences and its standard error). The "
            "test allows 3 %."
        ]

    def _put(self, name: str, lines: list[str]) -> None:
        """Replaces what stands between the two comments of a name."""
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        head, rest = self._path.read_text().split(start)
        text = "\n".join(lines)
        self._path.write_text(f"{head}{start}\n{text}\n\n{end}{rest.split(end)[1]}")
