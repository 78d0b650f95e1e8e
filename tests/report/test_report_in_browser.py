"""The page in a real browser, without a screen."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

#: Screenshots are kept here, for people to look at.
KEPT = Path("demo-output") / "report"

PROBE = """
<script>addEventListener("load", () => top.document.documentElement.dataset.found = JSON.stringify({
  width: innerWidth,
  widths: [...document.images].map(image => image.naturalWidth),
  overflow: document.documentElement.scrollWidth - innerWidth,
  hidden: [...document.querySelectorAll(".card")]
    .filter(card => card.scrollWidth > card.clientWidth)
    .map(card => card.closest("section").querySelector("h2").textContent),
  paper: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.body).color,
}))</script>
"""
DARK = "--blink-settings=preferredColorScheme=0"


def chromium(page: Path, *flags: str) -> subprocess.CompletedProcess:
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    log = ["--enable-logging=stderr", f"--user-data-dir={page.parent / 'browser'}"]
    return subprocess.run(
        [*command, *log, *flags, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def looked_at(page: Path, folder: Path, *flags: str, probe: str = PROBE, width: int = 0) -> dict:
    """What a script sees in the page; the page's own policy would not let it run.

    A window is never narrower than 500 pixels; `width` gives the page a frame of its own.
    """
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    probed = folder / "probed.html"
    text = text.replace("</body>", f"{probe}</body>")
    if width:
        text = f'<iframe width="{width}" height="844" srcdoc="{html.escape(text)}"></iframe>'
    probed.write_text(text)
    dom = chromium(probed, "--dump-dom", *flags).stdout
    (found,) = re.findall(r'data-found="([^"]*)"', dom)
    return json.loads(found.replace("&quot;", '"'))


@pytest.fixture
def page(reported, tmp_path) -> Path:
    return Path(shutil.copy(reported / "report.html", tmp_path / "report.html"))


def test_every_picture_is_drawn_and_the_console_stays_empty(page, tmp_path):
    found = looked_at(page, tmp_path)
    assert len(found["widths"]) > 10
    assert min(found["widths"]) > 0
    assert "CONSOLE" not in chromium(page, "--dump-dom").stderr


def test_a_picture_that_is_not_drawn_and_a_script_would_be_noticed(page, tmp_path):
    text = page.read_text().replace("base64,", "base64,AAAA", 1)
    page.write_text(text.replace("</body>", "<script>document.title = 1</script></body>"))
    assert min(looked_at(page, tmp_path)["widths"]) == 0
    assert "Content Security Policy" in chromium(page, "--dump-dom").stderr


def test_it_is_dark_where_the_reader_wants_it_dark(page, tmp_path):
    light, dark = looked_at(page, tmp_path), looked_at(page, tmp_path, DARK)
    assert contrast(light) > 7
    assert contrast(dark) > 7
    assert luminance(light["paper"]) > 0.8 > 0.1 > luminance(dark["paper"])


def test_it_fits_a_phone(page, tmp_path):
    found = looked_at(page, tmp_path, width=390)
    assert (found["width"], found["overflow"], found["hidden"]) == (390, 0, [])
    KEPT.mkdir(parents=True, exist_ok=True)
    shots = {
        "phone": ["--window-size=390,3000"],
        "light": ["--window-size=1200,3600"],
        "dark": ["--window-size=1200,3600", DARK],
    }
    for name, flags in shots.items():
        path = (KEPT / f"{name}.png").resolve()
        chromium(page, f"--screenshot={path}", *flags)
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(2**24)) > 1000


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance, 0 to 1."""
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(found: dict) -> float:
    low, high = sorted((luminance(found["paper"]), luminance(found["ink"])))
    return (high + 0.05) / (low + 0.05)
