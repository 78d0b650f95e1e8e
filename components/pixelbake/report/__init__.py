"""A run as one self-contained page, `report.html`, that can be sent around."""

from pixelbake.report.verdict import Verdict, keep_verdict
from pixelbake.report.write import REPORT_FILE, harmless, render, report_run

__all__ = [
    "REPORT_FILE",
    "Verdict",
    "harmless",
    "keep_verdict",
    "render",
    "report_run",
]
