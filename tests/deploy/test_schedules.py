"""The nightly schedules: each is checked, and where it can be run, by its own tool."""

import json
import re
import shlex

import pytest
from ruamel.yaml import YAML

import pixelbake
from pixelbake.cli.run import run as run_command
from tests.deploy.tools import DEPLOY, PIXELBAKE, run, system_tool, tool
from tests.job.inputs import PHOTOS, example, write

pytestmark = pytest.mark.deploy

SYSTEMD = DEPLOY / "systemd"
CRONJOB = DEPLOY / "kubernetes" / "cronjob.yaml"
DAG = "pixelbake_nightly"
INSTALLED = "/opt/pixelbake/bin/pixelbake"


def cronjob():
    return YAML(typ="safe").load(CRONJOB.read_text())


def commands():
    """The command of each schedule, as the shell would split it."""
    unit = (SYSTEMD / "pixelbake.service").read_text()
    pod = cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    dag = (DEPLOY / "airflow" / f"{DAG}.py").read_text()
    bash = "".join(re.findall(r'"(exec .*|\'{{ params\.job }}\')"', dag))
    return {
        "systemd": shlex.split(re.search(r"^ExecStart=(.*)$", unit, re.M)[1]),
        "kubernetes": pod["containers"][0]["command"],
        "airflow": shlex.split(bash)[1:],
    }


@pytest.mark.parametrize("schedule", ["systemd", "kubernetes", "airflow"])
def test_every_schedule_runs_the_same_command_and_the_command_line_takes_it(schedule):
    command, *arguments = commands()[schedule]
    assert command.endswith(("pixelbake", "{{ params.pixelbake }}"))
    assert arguments[0] == "run"
    parsed = run_command.make_context("run", list(arguments[1:])).params
    assert parsed["if_changed"]
    assert parsed["resume"]
    assert parsed["as_json"]
    assert parsed["beam_args"] == ()


def test_systemd_takes_the_service_and_its_timer(tmp_path):
    analyze = system_tool("systemd-analyze", "systemd")
    for name in ("pixelbake.service", "pixelbake.timer"):
        text = (SYSTEMD / name).read_text()
        (tmp_path / name).write_text(text.replace(INSTALLED, str(PIXELBAKE)))
    units = [tmp_path / "pixelbake.timer", tmp_path / "pixelbake.service"]
    done = run(analyze, "verify", "--man=no", *units, env={"SYSTEMD_LOG_LEVEL": "warning"})
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "pixelbake.service").write_text("[Service]\nType=onehsot\nExecStart=nothing\n")
    assert run(analyze, "verify", "--man=no", *units).returncode != 0


def test_the_timers_time_is_the_other_schedules_time():
    analyze = system_tool("systemd-analyze", "systemd")
    timer = (SYSTEMD / "pixelbake.timer").read_text()
    calendar = re.search(r"^OnCalendar=(.*)$", timer, re.M)[1]
    done = run(analyze, "calendar", calendar)
    assert done.returncode == 0
    assert "02:30:00" in done.stdout
    assert cronjob()["spec"]["schedule"] == "30 2 * * *"
    assert 'schedule="30 2 * * *"' in (DEPLOY / "airflow" / f"{DAG}.py").read_text()


def test_kubernetes_takes_the_cron_job(tmp_path):
    validate = tool("tools", "kubernetes-validate")
    for version in ("1.31", "1.37"):
        done = run(validate, "--strict", "--kubernetes-version", version, CRONJOB)
        assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "cronjob.yaml"
    wrong.write_text(CRONJOB.read_text().replace("concurrencyPolicy", "concurencyPolicy"))
    assert run(validate, "--strict", wrong).returncode != 0


def test_the_cron_job_runs_this_version_without_privileges_on_a_read_only_disk():
    job = cronjob()["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"pixelbake:{pixelbake.__version__}"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    codes = {rule["action"]: rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"]}
    assert codes["FailJob"]["values"] == [2]
    assert codes["Ignore"]["values"] == [75]
    assert {code["containerName"] for code in codes.values()} == {container["name"]}
    user = pod["securityContext"]["runAsUser"]
    assert f"useradd --uid {user} " in (DEPLOY / "dataflow" / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """What Airflow says of two nights over the same input."""
    airflow = tool("airflow", "airflow")
    base = tmp_path_factory.mktemp("airflow")
    write(base / "in" / "a", [example(image=image) for image in PHOTOS[:2]])
    (base / "job.yaml").write_text("input: {train: in/*}\noutput: run\nrecipe: {}\n")
    environment = {
        "PATH": "/usr/bin:/bin",
        "AIRFLOW_HOME": str(base / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DEPLOY / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    migrated = run(airflow, "db", "migrate", env=environment)
    assert migrated.returncode == 0, migrated.stderr
    settings = json.dumps({"pixelbake": str(PIXELBAKE), "job": str(base / "job.yaml")})
    command = (airflow, "dags", "test", DAG, "--conf", settings)
    return base, environment, [run(*command, env=environment) for _ in range(2)]


def test_airflow_imports_the_dag(nights):
    _, environment, _ = nights
    done = run(tool("airflow", "airflow"), "dags", "list-import-errors", env=environment)
    assert "No data found" in done.stdout + done.stderr
    listed = run(tool("airflow", "airflow"), "dags", "list", "--output=json", env=environment)
    lines = [line for line in listed.stdout.splitlines() if line.startswith("[{")]
    assert [one["dag_id"] for one in json.loads(lines[-1])] == [DAG]


def test_airflow_runs_the_job_on_the_first_night_and_leaves_it_alone_on_the_second(nights):
    base, _, (first, second) = nights
    assert first.returncode == 0, first.stdout + first.stderr
    assert '"outcome": "done"' in first.stdout + first.stderr
    assert pixelbake.read_manifest(str(base / "run")).splits["train"].written == 2
    assert second.returncode == 0
    assert '"outcome": "unchanged, nothing to do"' in second.stdout + second.stderr
