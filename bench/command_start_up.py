"""What a user waits before anything happens: `python -m bench.command_start_up RUNS`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

__all__ = ["start_up"]

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import pixelbake": ("-c", "import pixelbake"),
    "pixelbake --help": ("-m", "pixelbake", "--help"),
}


def start_up(runs: int) -> dict[str, dict[str, float]]:
    """Starts each command in turn, as often as asked.

    Returns:
        `median_s` and `max_s`, wall time from start to end, by command. The first run of each,
        which may still read its files from the disk, does not count.
    """
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    return {
        name: {"median_s": median(found[1:]), "max_s": max(found[1:])}
        for name, found in seconds.items()
    }


if __name__ == "__main__":
    print(json.dumps(start_up(int(sys.argv[1]))))
