import io
import sys
from dataclasses import replace

from pixelbake.cli import progress_display
from pixelbake.cli.progress_display import display_progress, progress_line
from pixelbake.job.progress import Progress

HALF = Progress(12_800, 3, 500, 1000, ("train", "eval"), 3725.0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(monkeypatch, stderr) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    with display_progress() as tell:
        tell(HALF)
    return stderr.getvalue()


def test_a_line_says_split_records_speed_quarantine_and_time_left():
    assert progress_line(HALF) == (
        "train and eval: 12,800 records, 3 images/s, 3 quarantined, 50% of the input, "
        "1 h 02 min left"
    )


def test_a_layer_that_is_fitted_is_named():
    fitting = replace(HALF, fitting="Normalization")
    assert progress_line(fitting).startswith("fitting Normalization on train and eval: 12,800 rec")
    remote = replace(fitting, splits=())
    assert progress_line(remote).startswith("fitting Normalization: 12,800 records")


def test_a_log_gets_a_line_when_some_seconds_have_passed(monkeypatch):
    assert shown(monkeypatch, io.StringIO()) == ""
    monkeypatch.setattr(progress_display, "LINE_SECONDS", 0.0)
    assert shown(monkeypatch, io.StringIO()) == f"pixelbake: {progress_line(HALF)}\n"


def test_a_terminal_gets_a_live_bar(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    bar = shown(monkeypatch, Terminal())
    for part in ("train + eval", "50%", "12,800 records", "3 quarantined", "1 h 02 min left"):
        assert part in bar
    assert "\x1b[31m" in bar
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in shown(monkeypatch, Terminal())
