"""What all commands share."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from click.testing import CliRunner

import pixelbake
from pixelbake.cli.command_line import _cli
from tests.cli.command import COMMANDS, call


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_shown_without_loading_tensorflow(command):
    process = call("--help", command=command)
    assert process.returncode == 0
    assert "run  " in process.stdout
    assert "Commands:" in process.stdout
    assert process.stderr == ""


def test_the_help_of_run_says_where_beams_flags_go():
    process = call("run", "-h")
    assert process.returncode == 0
    assert "Whatever follows `--` goes to Beam." in process.stdout


def test_the_version_is_the_packages_own():
    process = call("--version")
    assert (process.returncode, process.stdout) == (
        0,
        f"pixelbake, version {pixelbake.__version__}\n",
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run"], "Missing argument 'JOB'"),
        (["bake"], "No such command 'bake'"),
        (["run", "job.yaml", "--runner=FnApiRunner"], "No such option"),
        (["--verbose"], "No such option"),
        (["run", "."], "is a directory"),
    ],
)
def test_a_wrong_call_is_refused_with_its_usage(args, message):
    process = call(*args)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr


def test_a_folder_that_is_no_run_is_the_users_own_mistake(tmp_path):
    process = call("report", str(tmp_path))
    assert process.returncode == 2
    assert f"{tmp_path} is no finished run of pixelbake" in process.stderr
    assert len(process.stderr.splitlines()) <= 2


def test_a_missing_yaml_file_is_the_users_mistake(tmp_path):
    process = call("run", "none.yaml", folder=tmp_path, command="module")
    assert process.returncode == 2
    assert process.stderr.endswith("pixelbake: none.yaml: No such file or directory\n")


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (["run"], "MissingParameter", "Missing argument 'JOB'"),
        (["run", "job.yaml", "--jsn"], "NoSuchOption", "No such option"),
        (["report", "."], "NoRunError", "is no finished run of pixelbake"),
        (["export", "none.keras", ".", "out"], "NoRunError", "is no finished run of pixelbake"),
        (["verify", "--serving-model", "none"], "InputError", "none"),
    ],
)
def test_a_failure_is_one_line_of_json_too_whatever_the_command(tmp_path, args, error, message):
    process = call(*args, "--json", folder=tmp_path)
    assert process.returncode == 2
    outcome = json.loads(process.stdout)
    assert (outcome["outcome"], outcome["error"]) == ("failed", error)
    assert message in outcome["message"]
    assert message in process.stderr


@pytest.mark.parametrize("args", [["--debug", "run", "none.yaml"], ["run", "none.yaml", "--debug"]])
def test_debug_shows_the_trace_wherever_it_stands(tmp_path, args):
    process = call(*args, folder=tmp_path)
    assert process.returncode != 0
    assert "Traceback" in process.stderr


@pytest.mark.parametrize("command", list(_cli.commands))
def test_every_command_has_help_with_an_example_on_a_line_of_its_own(command):
    found = CliRunner().invoke(_cli, [command, "--help"])
    assert found.exit_code == 0
    example = re.compile(rf"^ +pixelbake {command} .*$", re.MULTILINE)
    assert all(line.count("pixelbake ") == 1 for line in example.findall(found.output))
    assert example.search(found.output)
    assert "--debug" in found.output


@pytest.mark.parametrize("command", list(_cli.commands))
def test_the_examples_of_a_command_are_taken_by_it_and_by_beam(command):
    output = CliRunner().invoke(_cli, [command, "--help"]).output
    for line in re.findall(rf"^    pixelbake {command} (.*)$", output, re.MULTILINE):
        context = _cli.commands[command].make_context(command, shlex.split(line))
        flags = list(context.params.get("beam_args", ()))
        local = PipelineOptions(flags).view_as(DirectOptions)
        is_several = local.direct_running_mode != "in_memory"
        assert len(PipelineOptions(flags).get_all_options(drop_default=True)) == len(flags)
        assert is_several == (local.direct_num_workers != 1), line


def test_the_list_of_commands_cuts_no_sentence_short():
    _, _, commands = CliRunner().invoke(_cli, ["--help"]).output.partition("Commands:")
    assert all(name in commands for name in _cli.commands)
    assert "..." not in commands


@pytest.mark.parametrize("command", [[], *([name] for name in _cli.commands)])
def test_help_shows_no_mark_up(command):
    assert "\\b" not in CliRunner().invoke(_cli, [*command, "--help"]).output


#: How to ask each shell what it would complete `pixelbake verify --al` to. (zsh tells only a
#: terminal: there the line is only evaluated.)
ASK = {
    "bash": "COMP_WORDS=(pixelbake verify --al) COMP_CWORD=2; $(complete -p pixelbake | "
    "grep -o '_[a-z_]*') pixelbake; echo $COMPREPLY",
    "fish": 'complete -C "pixelbake verify --al"',
    "zsh": "autoload -Uz compinit && compinit -u -D; {line}; echo ${{_comps[pixelbake]}}",
}


@pytest.mark.parametrize(
    ("shell", "completed"),
    [("bash", "--allow-rounding"), ("fish", "--allow-rounding"), ("zsh", "_pixelbake_completion")],
)
def test_the_documented_line_makes_a_shell_complete(shell, completed):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    page = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text()
    (line,) = re.findall(rf"^\| {shell} .* \| `(.*)` \|$", page, re.M)
    line = line.replace("\\|", "|")
    script = ASK[shell].format(line=line) if shell == "zsh" else f"{line}\n{ASK[shell]}"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", script],
        check=False,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split()[:1] == [completed], done.stderr
