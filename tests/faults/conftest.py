"""`--fault-table FILE` writes what became of faults and odd images into docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", type=Path, help="write the table of faults to this file")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = {}
    config.stash[_COUNTS] = Counter()
    config.stash[_FIGURES] = {}
    config.stash[_GUARD] = {}


_ROWS: pytest.StashKey[dict[str, tuple[str, str]]] = pytest.StashKey()
_COUNTS: pytest.StashKey[Counter[tuple[str, str]]] = pytest.StashKey()
_FIGURES: pytest.StashKey[dict[str, float]] = pytest.StashKey()
_GUARD: pytest.StashKey[dict[str, float]] = pytest.StashKey()


@pytest.fixture
def corpus_counts(request) -> Counter[tuple[str, str]]:
    """How many files there are by format and verdict, for the table."""
    return request.config.stash[_COUNTS]


@pytest.fixture
def corpus_figures(request) -> dict[str, float]:
    """What the slowest (CPU seconds) and the largest (MiB) image took, for the table."""
    return request.config.stash[_FIGURES]


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


@pytest.fixture
def guard_cost(request) -> dict[str, float]:
    """What the guard costs an image, for the text."""
    return request.config.stash[_GUARD]


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--fault-table")
    stash = session.config.stash
    if path is None:
        return
    if rows := stash[_ROWS]:
        words = {"passed": "yes", "failed": "**no**", "skipped": "not run here"}
        table = ["| fault | what pixelbake does | seen |", "|---|---|---|"]
        table += [f"| {name} | {what} | {words[seen]} |" for name, (what, seen) in rows.items()]
        put(path, "faults", table)
    if (counts := stash[_COUNTS]) and (figures := stash[_FIGURES]):
        table = ["| format | files | verdict |", "|---|---|---|"]
        table += [f"| {kind} | {n} | {what} |" for (kind, what), n in sorted(counts.items())]
        table += [
            "",
            f"{sum(counts.values())} files. The slowest took {figures['slowest']:.2f} s of CPU "
            f"time, the largest {figures['largest']:.0f} MiB of memory beyond what the process "
            "had; the test allows 1 s and 512 MiB.",
        ]
        put(path, "corpus", table)
    if cost := stash[_GUARD]:
        text = (
            f"Checksums, parsing and the header gate take {cost['own']:.0f} µs of CPU time an "
            f"image: {cost['share']:.1%} of the {cost['job']:.0f} µs that the job takes without "
            f"them. The whole job with and without, alternating: {cost['whole']:+.1%}, give or "
            f"take {cost['error']:.1%} (median of the differences and its standard error). The "
            "test allows 3 %."
        )
        put(path, "guard", [text])


def put(path: Path, name: str, lines: list[str]) -> None:
    """Replaces what stands between the two comments of a name."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    head, rest = path.read_text().split(start)
    path.write_text(head + start + "\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1])
