import html.parser
import itertools
import json
import re
import shutil

import pytest
from click.testing import CliRunner

from pixelbake.cli.report import report
from pixelbake.errors import RunError
from pixelbake.job import JobConfig, run_job
from pixelbake.recipe import Recipe
from pixelbake.report import report_run
from tests.job.inputs import PHOTOS, example, write
from tests.report.conftest import HOSTILE


class Page(html.parser.HTMLParser):
    """A page's tags with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def page(reported):
    return Page((reported / "report.html").read_text())


def test_every_run_has_a_page_with_its_books(page):
    for words in ("14", "GaussianBlur", "kernel_size=5, sigma=2", "tensorflow", "train", "eval"):
        assert words in page.text
    for reason in ("format_not_allowed", "feature_missing", "decode_failed", "not_an_example"):
        assert reason in page.text


def test_pairs_of_every_split_match_record_by_record(page):
    alts = [picture["alt"] for picture in page.all("img")]
    before = [alt for alt in alts if alt.endswith("as read")]
    after = [alt for alt in alts if alt.endswith("as stored")]
    assert [alt.removesuffix("as read") for alt in before] == [
        alt.removesuffix("as stored") for alt in after
    ]
    assert any("eval-0" in alt for alt in before)
    # The first two records of the training file were refused.
    assert "Record 2 of" in before[-4] or any("Record 2 of train" in alt for alt in before)


def test_hostile_names_and_values_are_only_text(page):
    assert HOSTILE in page.text
    assert "</script><script>alert(1)</script>" in page.text
    assert all(picture["src"].startswith("data:image/") for picture in page.all("img"))
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert [script["type"] for script in page.all("script")] == ["application/json"]


def test_nothing_is_asked_of_the_network_and_no_script_may_run(page):
    (policy,) = [meta for meta in page.all("meta") if "http-equiv" in meta]
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    links = [
        a for _, a in page.tags for name in a if name in ("href", "src") and "data:" not in a[name]
    ]
    assert links == []


def test_it_can_be_read_aloud(page):
    assert page.all("html")[0]["lang"] == "en"
    assert all(picture.get("alt") for picture in page.all("img"))
    assert all(picture.get("aria-label") for picture in page.all("svg"))
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_a_refused_image_is_shown_only_if_it_can_be_decoded_within_limits(page):
    refused = [p for p in page.all("img") if p["alt"].startswith("The refused image")]
    assert [p["alt"].split()[5] for p in refused] == ["1"]
    assert page.text.count("no picture can be shown") == 3


def seconds_in(run):
    (found,) = re.findall(r'id="seconds">(.*?)<', (run / "report.html").read_text())
    return json.loads(found)


def test_a_page_written_anew_keeps_the_times(reported, tmp_path):
    copy = shutil.copytree(reported, tmp_path / "copy")
    assert CliRunner().invoke(report, [str(copy)]).output == f"{copy}/report.html\n"
    assert seconds_in(copy) == seconds_in(reported)
    assert set(seconds_in(copy)) == {"fit layers", "trace graph", "transform"}


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="no finished run"):
        report_run(str(tmp_path))


def test_a_page_without_its_input_still_has_the_books(reported, tmp_path):
    copy = shutil.copytree(reported, tmp_path / "copy")
    manifest = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(manifest.replace(f"{reported.parent}/in", "/gone"))
    report_run(str(copy))
    anew = Page((copy / "report.html").read_text())
    assert "the input is no longer where it was" in anew.text
    assert "feature_missing" in anew.text


def test_a_page_that_fails_does_not_fail_the_run(tmp_path, monkeypatch, caplog):
    write(tmp_path / "in", [example(image=PHOTOS[0])])
    monkeypatch.setattr("pixelbake.report.write.sample_pairs", lambda *_: 1 / 0)
    run = str(tmp_path / "run")
    run_job(JobConfig(input={"train": str(tmp_path / "in")}, output=run, recipe=Recipe()))
    assert not (tmp_path / "run" / "report.html").exists()
    assert "report.html was not written" in caplog.text
