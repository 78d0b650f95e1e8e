"""Locks, licences, the bill of materials, the audit, and what a user would install."""

import hashlib
import json
import os
import re

import pytest

from pixelbake.job import read_manifest
from tests.deploy.tools import DEPLOY, ROOT, run, tool
from tests.job.inputs import PHOTOS, example, write

pytestmark = pytest.mark.deploy

LOCKS = sorted((DEPLOY / "locks").glob("*.txt"))
IMAGE = DEPLOY / "locks" / "image.txt"
PIN = re.compile(r"^([A-Za-z0-9][\w.\[\]-]*)==(\S+)", re.M)
#: Packages whose metadata says nothing; namex is Apache-2.0 by its repository.
SILENT = {"namex"}


def pins(lock):
    return {name.split("[")[0].lower(): version for name, version in PIN.findall(lock.read_text())}


def plain(name):
    """A package's name as packages are compared by."""
    return re.sub(r"[-_.]+", "-", name).lower()


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_of_a_lock_is_pinned_with_hashes_and_no_index_is_named(lock):
    text = lock.read_text()
    entries = [e for e in re.split(r"\n(?=[A-Za-z0-9])", text) if not e.startswith("#")]
    assert len(entries) > 20
    for entry in entries:
        assert PIN.match(entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "://" not in text
    assert "--index-url" not in text


def test_the_image_has_the_versions_that_are_tested_and_no_tool_of_development():
    image = pins(IMAGE)
    tested = set(PIN.findall((DEPLOY / "locks" / "tft121.txt").read_text()))
    assert {(n, v) for n, v in PIN.findall(IMAGE.read_text())} <= tested
    assert not {"pytest", "ruff", "mypy", "scikit-learn"} & set(image)


def test_the_licence_list_is_that_of_the_lock_and_nothing_in_it_is_copyleft(tmp_path):
    tool("tools", "pip-licenses")
    tool("image", "python")
    done = run(DEPLOY / "licences.sh", tmp_path / "licences.md")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "licences.md").read_text()
    assert text == (ROOT / "docs" / "licences.md").read_text(), "make licences writes it anew"
    rows = re.findall(r"^\| (\S+) +\| (\S+) +\| (.*?) *\|$", text, re.M)[1:]
    licences = {name: licence for name, _, licence in rows}
    assert {plain(name) for name in pins(IMAGE)} <= {plain(name) for name in licences}
    assert {name for name, licence in licences.items() if licence == "UNKNOWN"} == SILENT
    assert not [name for name, licence in licences.items() if "GPL" in licence]


def test_the_bill_of_materials_names_every_package_of_the_lock_with_its_hashes(tmp_path):
    tool("tools", "cyclonedx-py")
    paths = [tmp_path / "first.json", tmp_path / "second.json"]
    for path in paths:
        done = run(DEPLOY / "sbom.sh", path)
        assert done.returncode == 0, done.stderr
    assert paths[0].read_bytes() == paths[1].read_bytes()
    bill = json.loads(paths[0].read_text())
    assert bill["metadata"]["component"]["name"] == "pixelbake"
    assert {one["name"].lower(): one["version"] for one in bill["components"]} == pins(IMAGE)
    for one in bill["components"]:
        references = one["externalReferences"]
        assert any(h["alg"] == "SHA-256" for ref in references for h in ref.get("hashes", []))


def test_an_audit_that_can_not_ask_about_a_package_fails():
    tool("tools", "pip-audit")
    unreachable = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    done = run(DEPLOY / "audit.sh", env={**unreachable, "https_proxy": "http://127.0.0.1:9"})
    assert done.returncode == 1
    assert "is NOT audited" in done.stderr
    assert "no known vulnerability" not in done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("dist") for _ in range(2)]
    for folder in folders:
        done = run(DEPLOY / "dist.sh", folder)
        assert done.returncode == 0, done.stderr
    return folders


def test_wheel_and_sdist_are_the_same_bytes_each_time(built):
    first, second = (
        {path.name: sha256(path) for path in folder.glob("pixelbake-*")} for folder in built
    )
    assert first == second
    assert {name.split("-")[-1].split(".", 1)[-1] for name in first} == {"whl", "1.0.tar.gz"}


def test_the_wheel_in_an_empty_environment_runs_a_job(built, tmp_path):
    uv = ROOT / ".uv" / "bin" / "uv"
    python = tool("image", "python")
    (wheel,) = built[0].glob("*.whl")
    empty = tmp_path / "empty"
    for command in (
        ["venv", "--quiet", "--python", python, empty],
        ["pip", "sync", "--quiet", "--python", empty, "--require-hashes", IMAGE],
        ["pip", "install", "--quiet", "--python", empty, "--no-deps", wheel],
    ):
        done = run(uv, *command)
        assert done.returncode == 0, done.stderr
    write(tmp_path / "in" / "a", [example(image=image, label=7) for image in PHOTOS[:2]])
    (tmp_path / "job.yaml").write_text(
        "input: {train: in/*}\noutput: run\n"
        "recipe:\n  layers:\n    - {layer: GaussianBlur, config: {kernel_size: 5, sigma: 2.0}}\n"
        "  passthrough: {label: int64}\n"
    )
    where = {"cwd": tmp_path, "env": {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}}
    done = run(empty / "bin" / "pixelbake", "run", "--json", "job.yaml", **where)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["splits"]["train"]["written"] == 2
    assert read_manifest(str(tmp_path / "run")).versions["python"].startswith("3.13.")
    script = (
        "import pixelbake; print(pixelbake.__file__); "
        "print([int(e['label']) for e in pixelbake.read_examples('run', 'train')])"
    )
    done = run(empty / "bin" / "python", "-c", script, **where)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(str(empty))
    assert done.stdout.splitlines()[1] == "[7, 7]"
