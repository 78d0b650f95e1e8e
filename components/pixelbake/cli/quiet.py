"""Keeps what TensorFlow, absl and Beam say to themselves off the terminal."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]


@contextmanager
def quiet(enabled: bool = True) -> Iterator[None]:
    """Lets only pixelbake's own words through; to be entered before the libraries are imported.

    TensorFlow's C++ code writes to file descriptor 2 whatever Python is told, and worker processes
    inherit it: the descriptor leads nowhere meanwhile, and `sys.stderr` to where it led before.

    Args:
        enabled: False lets everything through.
    """
    if not enabled:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    # Beam logs the whole trace of whatever ends a worker; what matters of it is in our message.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    logging.getLogger("apache_beam.options").setLevel(logging.WARNING)  # names mistyped flags
    logging.getLogger("absl").setLevel(logging.ERROR)
    root, level, hook = logging.getLogger(), logging.getLogger().level, threading.excepthook
    root.setLevel(logging.CRITICAL)  # what worker processes log comes in here
    threading.excepthook = lambda arguments: None  # of Beam's threads, when a worker is lost
    before = sys.stderr
    before.flush()
    with os.fdopen(os.dup(2), "w", 1, errors="backslashreplace") as terminal:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = terminal
        try:
            yield
        finally:
            terminal.flush()
            os.dup2(terminal.fileno(), 2)
            sys.stderr = before
            root.setLevel(level)
            threading.excepthook = hook
