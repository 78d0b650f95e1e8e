"""The few ratios that the README shows, from the results of all lines and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["write_summary"]

_BEGIN, _END = "<!-- written by make bench: -->\n", "<!-- :written by make bench -->"
_INSTEAD_OF = {
    "stock_transform": "stock TFX Transform",
    "tft_by_hand": "`tft_beam` by hand",
    "tf_data": "a tf.data script",
    "opencv_pool": "OpenCV in a process pool",
}


def write_summary(lines: Path, readme: Path) -> None:
    """Writes the ratios between the README's two markers.

    Args:
        lines: Folder with the results of each line, `<line>.json`.
        readme: The file; left alone if there is none, or none with the markers.
    """
    text = readme.read_text() if readme.exists() else ""
    if _BEGIN not in text or _END not in text:
        return
    before, rest = text.split(_BEGIN, 1)
    readme.write_text(before + _BEGIN + _table(lines) + _END + rest.split(_END, 1)[1])


def _table(lines: Path) -> str:
    measured = [json.loads(path.read_text()) for path in sorted(lines.glob("*.json"))]
    heads = [
        f"TFX {versions['tfx']}"
        if versions["tfx"] != "absent"
        else f"TFT {versions['tensorflow-transform']}"
        for versions in (one["versions"] for one in measured)
    ]
    rows = [["pixelbake's throughput over that of", *heads], ["---", *["---:"] * len(heads)]]
    for key, title in _INSTEAD_OF.items():
        ratios = [one["ratios"][key] for one in measured]
        if ratios.count(None) == len(ratios):  # no line that was measured has it
            continue
        rows.append([title, *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
