"""What reaches the terminal, down to the file descriptor, in a process of its own."""

import subprocess
import sys

import pytest

NOISE = """
import os, subprocess, sys, warnings, logging
from pixelbake.cli.quiet import quiet
with quiet(enabled={enabled}):
    os.write(2, b"C++ ")
    subprocess.run(["sh", "-c", "echo worker >&2"])
    warnings.warn("warning", UserWarning)
    logging.getLogger("apache_beam.runners").error("beam")
    print("words", file=sys.stderr)
os.write(2, b"after")
"""


@pytest.mark.parametrize(
    ("enabled", "seen", "unseen"),
    [
        (True, ["words", "after"], ["C++", "worker", "warning", "beam"]),
        (False, ["words", "after", "C++", "worker", "warning", "beam"], []),
    ],
)
def test_only_our_own_words_get_through_unless_all_is_asked_for(enabled, seen, unseen):
    stderr = subprocess.run(
        [sys.executable, "-c", NOISE.format(enabled=enabled)],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert [word for word in (*seen, *unseen) if word in stderr] == seen
