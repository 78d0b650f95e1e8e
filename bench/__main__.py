"""`python -m bench`: measure, then write bench/results.json and docs/performance.md.

The results are kept once more per line of libraries, in `lines/<line>.json` beside them, and the
document compares the lines.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

from bench.contenders import CONTENDERS
from bench.document import line_of, write_document
from bench.plan import Plan, run_plan

ROOT = Path(__file__).parent.parent
#: Where no disk can make one of the contenders wait. The largest run writes a gigabyte.
MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30


def main(arguments: list[str] | None = None) -> None:
    """Parses the arguments and runs the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="how often each contender runs (default 5)")
    parser.add_argument("--images", type=int, help="crops in a run (default 8000)")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=CONTENDERS,
        metavar="NAME",
        help=(f"contenders to run beside pixelbake: {', '.join(CONTENDERS)}"),
    )
    parser.add_argument("--quick", action="store_true", help="1 round, few images, no scaling")
    parser.add_argument(
        "--scaling", type=int, nargs="*", help="compare these numbers of crops (default to 64000)"
    )
    parser.add_argument(
        "--work", type=Path, help="images and logs (default: in memory, if it has room)"
    )
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results.json")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--document-only", action="store_true", help="from --results as it stands")
    given = parser.parse_args(arguments)
    if not given.document_only:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
        has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
        in_memory = given.work is None and has_room
        with tempfile.TemporaryDirectory(
            prefix="bench-", dir=MEMORY if in_memory else None
        ) as temporary:
            results = run_plan(_plan(given, Path(temporary)))
        results["files"] = "in memory" if in_memory else "on a disk"
        text = json.dumps(results, indent=1) + "\n"
        given.results.write_text(text)
        line = given.results.parent / "lines" / f"{line_of(results['versions'])}.json"
        line.parent.mkdir(exist_ok=True)
        line.write_text(text)
    write_document(given.results, given.docs)
    ratios = json.loads(given.results.read_text())["ratios"]
    for name, value in ratios.items():
        print(f"{name:>28}: {'-' if value is None else f'{value:.2f}'}")


def _plan(given: argparse.Namespace, temporary: Path) -> Plan:
    asked = {"work": given.work or temporary}
    if given.quick:
        asked |= {"rounds": 1, "images": 1000, "photos": 8, "scaling": (), "calls": 10}
        asked |= {"encodings": ("raw",)}
    if given.rounds:
        asked["rounds"] = given.rounds
    if given.images:
        asked["images"] = given.images
    if given.scaling is not None:
        asked["scaling"] = tuple(given.scaling)
    if given.only:
        asked["only"] = tuple(given.only)
    return Plan(**asked)


if __name__ == "__main__":
    main()
