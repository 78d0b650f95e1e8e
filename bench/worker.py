"""A contender in a process of its own, warm and waiting: `python -m bench.worker NAME CASE`.

Requests come as JSON lines on stdin, and answers go as JSON lines to what was stdout when the
process started; anything that a library prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

from bench.case import Case
from bench.contenders import make
from bench.process_tree import cpu_seconds, peak_rss_bytes

__all__ = ["main"]


def main(name: str, case: Case) -> None:
    """Sets a contender up, then runs it as often as asked."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    run = make(name, case)
    print(json.dumps({"ready": name}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        out = Path(request["out"])
        shutil.rmtree(out, ignore_errors=True)
        cpu, start = cpu_seconds(), time.perf_counter()
        run(Path(request["source"]), out)
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
        written = sum(f.stat().st_size for f in out.rglob("*") if _is_images(f))
        if not request["keep"]:
            shutil.rmtree(out)
        answer = {
            "seconds": seconds,
            "cpu_seconds": cpu,
            "bytes_written": written,
            "peak_rss_bytes": peak_rss_bytes(),
        }
        print(json.dumps(answer), file=answers, flush=True)


def _is_images(path: Path) -> bool:
    return path.is_file() and (".tfrecord" in path.name or path.suffix == ".gz")


if __name__ == "__main__":
    main(sys.argv[1], Case(**json.loads(sys.argv[2])))
