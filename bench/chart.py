"""The chart of the document: every contender's throughput against pixelbake's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.contenders import CONTENDERS

__all__ = ["write_chart"]

_OURS, _OTHERS, _INK = "#c2410c", "#94a3b8", "#475569"


def write_chart(found: dict[str, Any], path: Path) -> None:
    """Draws one bar a contender, longest first, pixelbake's being 1.

    Args:
        found: What `results.json` holds.
        path: The SVG file to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    # The same figures make the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    bars = [("pixelbake", 1.0, 1.0, 1.0)]
    for name, ratio in found["ratios"].items():
        if name in CONTENDERS and ratio is not None:
            low, high = found["spread"][name]
            bars.append((name, 1.0 / ratio, 1.0 / high, 1.0 / low))
    bars.sort(key=lambda bar: bar[1])
    figure, axes = plt.subplots(figsize=(7.2, 0.5 * len(bars) + 0.9))
    axes.barh(
        [CONTENDERS[name] for name, *_ in bars],
        [value for _, value, *_ in bars],
        xerr=[[v - low for _, v, low, _ in bars], [high - v for _, v, _, high in bars]],
        color=[_OURS if name == "pixelbake" else _OTHERS for name, *_ in bars],
        error_kw={"ecolor": _INK, "capsize": 3, "lw": 1},
        height=0.65,
    )
    for row, (_, value, _, high) in enumerate(bars):
        axes.text(high + 0.02, row, f"{value:.2f}", va="center", color=_INK)
    axes.set_xlabel("images per second against pixelbake's (bars: median; whiskers: all rounds)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, transparent=True)
    plt.close(figure)
