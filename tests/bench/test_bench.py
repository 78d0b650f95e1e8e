import json

import pytest

from bench.__main__ import main
from bench.contenders import missing
from bench.figures import per_contender, ratio
from bench.measure import Sources

ONLY = ["unguarded", "own_graph", "bare_graph", "tf_data", "opencv_pool"]
RATIOS = {
    "stock_transform",
    "tft_by_hand",
    "tf_data",
    "bare_graph",
    "opencv_pool",
    "stock_transform_12mp",
    "guard_overhead",
    "time_per_image_64k_over_4k",
}


def answer(seconds):
    return {
        "seconds": seconds,
        "cpu_seconds": 2 * seconds,
        "bytes_written": 1000,
        "peak_rss_bytes": 2**30,
    }


def rounds(**times):
    """One round per pair of (tiny, full) seconds."""
    count = len(next(iter(times.values())))
    return [
        {
            name: {"tiny": answer(pairs[i][0]), "full": answer(pairs[i][1])}
            for name, pairs in times.items()
        }
        for i in range(count)
    ]


@pytest.fixture
def sources(tmp_path):
    return Sources(tmp_path, tmp_path, images=110, tiny_images=10)


def test_start_up_is_taken_off_the_throughput(sources):
    figures = per_contender(rounds(a=[(3.0, 5.0), (3.0, 5.0)]), sources)["a"]
    assert figures["images_per_second"] == pytest.approx(50)
    assert figures["images_per_core_second"] == pytest.approx(25)
    assert figures["start_up_seconds"] == 3.0
    assert figures["peak_rss_gib"] == 1.0


def test_a_ratio_compares_runs_of_the_same_round(sources):
    raw = rounds(a=[(0.0, 1.0), (0.0, 10.0), (0.0, 2.0)], b=[(0.0, 2.0), (0.0, 20.0), (0.0, 6.0)])
    assert ratio(raw, sources, "a", "b") == {"median": 2.0, "low": 2.0, "high": 3.0}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(missing("opencv_pool") is not None, reason="needs OpenCV")
def test_a_quick_run_writes_results_and_document(tmp_path):
    pytest.importorskip("matplotlib")
    results, docs = tmp_path / "results.json", tmp_path / "docs"
    readme = tmp_path / "README.md"
    markers = ("<!-- written by make bench: -->\n", "<!-- :written by make bench -->")
    readme.write_text(f"before\n{markers[0]}old{markers[1]}\nafter\n")
    arguments = ["--quick", "--only", *ONLY, "--results", str(results), "--docs", str(docs)]
    main([*arguments, "--work", str(tmp_path / "work")])
    found = json.loads(results.read_text())
    for name in ("bare_graph", "tf_data", "opencv_pool"):
        assert found["ratios"][name] > 0
    assert found["ratios"]["stock_transform"] is None
    assert found["reasons"]["stock_transform"] == "left out with --only"
    assert found["agreement"]["own_graph"] == {"max": 0, "mean": 0.0}
    assert set(found["ratios"]) == RATIOS
    (line,) = (tmp_path / "lines").iterdir()
    assert json.loads(line.read_text()) == found
    assert found["reducing_gap"]["none"]["mean_difference"] == 0
    assert found["reducing_gap"]["1.0"]["cpu_ms"] < found["reducing_gap"]["none"]["cpu_ms"]
    assert found["peak_rss_gib"] > 0
    assert found["profile_cpu_ms"]["blur"] > 0
    assert found["command_start_up"]["pixelbake --help"]["median_s"] > 0
    text = (docs / "performance.md").read_text()
    assert "images/performance.svg" in text
    assert "left out with --only" in text
    assert (docs / "images" / "performance.svg").read_text().startswith("<?xml")
    ratio = found["ratios"]["tf_data"]
    table = readme.read_text()
    assert f"| a tf.data script | {ratio:.2f} |" in table
    assert "old" not in table
    assert table.startswith("before\n")
    assert table.endswith("\nafter\n")
