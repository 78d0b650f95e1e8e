"""`pixelbake run`, in processes of its own."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixelbake.job import read_manifest, read_quarantine
from pixelbake.job.staging import staged
from tests.cli.command import call
from tests.job.inputs import PHOTOS, example, files_in, write

JOB = """\
input: {{train: in/{input}}}
output: {output}
recipe:
  layers:
    - {{layer: {layer}}}
  passthrough: {{label: int64}}
{more}"""

BRIGHT = "Brightness, config: {factor: 1.2}"
TOO_WIDE = "GaussianBlur, config: {kernel_size: 601, sigma: 100.0}"
MULTI = ["--runner=FnApiRunner", "--direct_running_mode=multi_threading"]

#: The YAML file of each case, and what follows its name on the command line.
CASES = {
    "good": ({}, []),
    "beam flags": ({}, ["--", *MULTI]),
    "unknown runner": ({}, ["--", "--runner=Nope"]),
    "bad records": ({"input": "bad-*"}, []),
    "bad records allowed": ({"input": "bad-*", "more": "limits: {max_bad_fraction: 0.5}"}, []),
    "unknown key": ({"more": "outptu: elsewhere\n"}, []),
    "no input": ({"input": "none-*"}, ["--json"]),
    "bad recipe": ({"layer": "Lambda"}, []),
    "failing graph": ({"layer": TOO_WIDE}, []),
    "foreign output": ({"output": "foreign"}, []),
}
CODES = {
    "good": 0,
    "beam flags": 0,
    "unknown runner": 2,
    "bad records": 1,
    "bad records allowed": 0,
    "unknown key": 2,
    "no input": 2,
    "bad recipe": 2,
    "failing graph": 1,
    "foreign output": 2,
}
#: What the message on stderr says.
MESSAGES = {
    "unknown runner": "Nope",
    "bad records": "1 of 3 records were quarantined (1 format_not_allowed)",
    "unknown key": "job.yaml, line 7, outptu: unknown key. Received: 'elsewhere'",
    "no input": "no file matches",
    "bad recipe": "job.yaml, line 5, recipe.layers.0.layer: layer 'Lambda'",
    "failing graph": "the transform graph fails on a good 256 x 256 PNG",
    "foreign output": "holds something other than a run of pixelbake",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Every case, run in a folder of its own; two at a time, for most of it is start-up."""
    base = tmp_path_factory.mktemp("cli")

    def run(case):
        settings, flags = CASES[case]
        folder = base / case.replace(" ", "-")
        good = [example(image=PHOTOS[n], label=n) for n in range(3)]
        write(folder / "in" / "good-0", good)
        write(folder / "in" / "bad-0", [*good[:2], example(image=b"GIF89a", label=2)])
        write(folder / "foreign" / "file", [])
        values = {"input": "good-*", "output": "run", "layer": BRIGHT, "more": "", **settings}
        (folder / "job.yaml").write_text(JOB.format(**values))
        return folder, call("run", "job.yaml", *flags, folder=folder)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CASES, pool.map(run, CASES), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_the_exit_code_tells_done_from_failed_and_from_the_users_own_mistake(done, case):
    _, process = done[case]
    assert process.returncode == CODES[case], process.stderr[-2000:]


@pytest.mark.parametrize("case", MESSAGES)
def test_a_failure_is_told_on_stderr_in_words(done, case):
    _, process = done[case]
    assert MESSAGES[case] in process.stderr
    assert process.stdout == "" or "--json" in CASES[case][1]


@pytest.mark.parametrize("case", CASES)
def test_no_trace_is_shown(done, case):
    _, process = done[case]
    assert "Traceback" not in process.stderr
    assert "Traceback" not in process.stdout


@pytest.mark.parametrize("case", [case for case, code in CODES.items() if code])
def test_a_failure_leaves_no_run_and_no_staging(done, case):
    folder, _ = done[case]
    left = {path.name for path in folder.iterdir()} - {"in", "foreign", "job.yaml"}
    assert left == ({"run.failed"} if case == "bad records" else set())


def test_a_run_is_told_by_its_books_and_its_folder(done):
    folder, process = done["good"]
    assert process.stdout == f"train: 3 read, 3 written, 0 quarantined\n{folder}/run\n"
    assert read_manifest(f"{folder}/run").splits["train"].written == 3


def test_quarantined_records_are_told_by_reason(done):
    folder, process = done["bad records allowed"]
    assert process.stdout == (
        f"train: 3 read, 2 written, 1 quarantined\n  format_not_allowed: 1\n{folder}/run\n"
    )


def test_the_quarantine_is_where_the_message_says(done):
    folder, process = done["bad records"]
    assert f"The quarantine is kept in {folder}/run.failed." in process.stderr
    assert [item.index for item in read_quarantine(f"{folder}/run.failed", "train")] == [2]


def test_what_follows_two_dashes_goes_to_beam_and_changes_no_record(done):
    (one, _), (other, _) = done["good"], done["beam flags"]
    assert files_in(one / "run" / "examples") == files_in(other / "run" / "examples")


@pytest.mark.parametrize("case", CASES)
def test_the_libraries_say_nothing_on_the_terminal(done, case):
    _, process = done[case]
    if CODES[case]:
        assert len(process.stderr.splitlines()) <= 2
    else:  # a slow machine gets lines of progress
        assert all(line.startswith("pixelbake: ") for line in process.stderr.splitlines())


def test_a_failure_is_one_line_of_json_too_where_it_is_asked_for(done):
    _, process = done["no input"]
    outcome = json.loads(process.stdout)
    assert (outcome["outcome"], outcome["error"]) == ("failed", "InputError")
    assert "no file matches" in outcome["message"]


def test_an_unchanged_job_is_left_alone_and_says_so_in_one_line(done):
    folder, _ = done["good"]
    before = {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("*")}
    process = call("run", "job.yaml", "--if-changed", folder=folder)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == f"{folder}/run: unchanged, nothing to do\n"
    assert {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("*")} == before


def test_a_job_whose_run_is_being_written_by_another_ends_with_a_code_of_its_own(done):
    folder, _ = done["good"]
    before = files_in(folder / "run")
    with staged(f"{folder}/run"):
        process = call("run", "job.yaml", folder=folder)
    assert process.returncode == 75
    assert process.stderr == (
        f"pixelbake: another job is writing {folder}/run at this moment; it was left alone.\n"
    )
    assert files_in(folder / "run") == before
