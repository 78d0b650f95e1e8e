import pytest

from bench.scaling import Fit, Measured, document


def run(images, workers, cpu):
    return Measured(
        images=images,
        shards=images // 500,
        workers=workers,
        seconds=cpu / workers,
        cpu_seconds=cpu,
        peak_rss_bytes=2**30,
        objects=images // 500 + 9,
        bytes_written=images * 100,
        manifest_bytes=images // 500 * 400,
        shuffle_bytes=images // 500 * 900,
    )


def law(images, workers):
    return 7.0 + 11.0 * workers + 0.002 * images


RUNS = [run(n, w, law(n, w)) for n in (1000, 2000, 4000, 8000) for w in (1, 2)]


def test_the_fit_finds_the_law_that_runs_were_made_by():
    fit = Fit.of(RUNS)
    assert (fit.start, fit.worker, fit.image) == pytest.approx((7.0, 11.0, 0.002))
    assert fit.cpu_seconds(10**6, 4) == pytest.approx(law(10**6, 4))


def test_the_document_tells_the_error_on_the_size_that_was_not_fitted():
    unseen = [run(16000, w, law(16000, w) * 1.25) for w in (1, 2)]
    text = document([*RUNS, *unseen], held_out=16000)
    assert "off by 20.0% at most" in text
    assert "16,000 (not fitted) | 1 " in text
    assert "| 1e+09 | 10,000 " in text
    assert "2.000 x images / 1000" in text
