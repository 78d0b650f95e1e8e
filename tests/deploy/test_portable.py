"""The job in three processes of their own: job service, worker pool, client; wheel only."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from itertools import chain
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipeline.digits import write_digits
from pixelbake.job import read_manifest
from pixelbake.job.pipeline import run_pipeline
from tests.deploy.processes import free_port, in_session, session, wait_for
from tests.deploy.tools import DEPLOY, ROOT, run
from tests.job.inputs import PHOTOS, example, files_in, records_in, write

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1800)]

JOB = """
input: {train: in/train-*, eval: in/eval-*}
output: run
recipe:
  resize: {height: 64, width: 64}
  layers:
    - {layer: GaussianBlur, config: {kernel_size: 5, sigma: 2.0}}
  passthrough: {label: int64}
"""


DOCS = ROOT / "docs" / "deployment.md"
FLAG = re.compile(r"--(\w+)=(\S+)")


def documented(runner):
    """The command that the documentation gives for a runner."""
    (block,) = re.findall(rf"```\n([^`]*--runner={runner}[^`]*)```", DOCS.read_text())
    return block


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment with the wheel, and with the locked packages of the one the tests run in."""
    base = tmp_path_factory.mktemp("installed")
    done = run(DEPLOY / "dist.sh", base / "dist")
    assert done.returncode == 0, done.stderr
    uv = ROOT / ".uv" / "bin" / "uv"
    environment = base / "environment"
    assert run(uv, "venv", "--quiet", "--python", sys.executable, environment).returncode == 0
    (packages,) = environment.glob("lib/python*/site-packages")
    # Links in a folder that is found by a link are not followed: the checkout is not on the path.
    (packages / "locked.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (wheel,) = (base / "dist").glob("*.whl")
    done = run(uv, "pip", "install", "--quiet", "--python", environment, "--no-deps", wheel)
    assert done.returncode == 0, done.stderr
    return environment


def variables(*bins):
    """What a process of a user has, and no more."""
    path = ":".join([*map(str, bins), "/usr/bin", "/bin"])
    return {"PATH": path, "HOME": os.environ["HOME"], "PYTHONWARNINGS": "ignore"}


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


class Services:
    def __init__(self, process, log, job_port, pool_port):
        self.process, self.log = process, log
        self.job_port, self.pool_port = job_port, pool_port

    def flags(self, runner="PortableRunner", **changes):
        """The flags of the documentation, with the ports that are free here."""
        text = documented(runner).replace(":8091", f":{self.job_port}")
        flags = FLAG.findall(text.replace(":50000", f":{self.pool_port}"))
        return [f"--{name}={value}" for name, value in {**dict(flags), **changes}.items()]


@pytest.fixture(scope="module")
def services(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("services")
    ports = free_port(), free_port()
    command = (DEPLOY / "portable" / "serve.sh", installed, *ports)
    log = folder / "log"
    with session(*command, log=log, cwd=folder, env=variables()) as process:
        for port in ports:
            wait_for(lambda port=port: answers(port), f"serve.sh: {log.read_text()}")
        yield Services(process, log, *ports)
        assert process.poll() is None, log.read_text()
        process.terminate()
        process.wait(60)
        wait_for(lambda: not in_session(process.pid), "the end of all workers", 30)


def pixelbake(installed, folder, *args):
    command = [str(installed / "bin" / "pixelbake"), "run", *args]
    environment = variables(installed / "bin")
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def end_of(process, seconds=900):
    """The exit code, what was printed, and the error, of a client that must not hang."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


def open_files(process):
    """The paths of the files that a process has open; none if it has ended."""
    try:
        return [os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir()]
    except FileNotFoundError:  # it, or one of them, is gone
        return []


def write_inputs(folder, times=1):
    """The scans, every file of them `times` over, and a few photographs."""
    write_digits(folder / "in")
    scans = [path for path in (folder / "in").iterdir() if path.name != "train-photos"]
    for path in scans:
        for copy in range(1, times):  # several files: each worker gets some
            path.with_name(f"{path.name}-{copy}").write_bytes(path.read_bytes())
    photos = [example(image=image, label=n) for n, image in enumerate(PHOTOS)]
    write(folder / "in" / "train-photos", photos)
    (folder / "job.yaml").write_text(JOB)


def records(run_folder):
    manifest = read_manifest(str(run_folder))
    paths = {split: manifest.paths(str(run_folder), split) for split in manifest.splits}
    return {split: sorted(chain.from_iterable(map(records_in, paths[split]))) for split in paths}


def local_run(installed, folder):
    code, _, err = end_of(pixelbake(installed, folder, "job.yaml"))
    assert code == 0, err


def test_workers_run_the_installed_wheel_and_see_no_source_tree(installed, services, tmp_path):
    def build(pipeline):
        _ = (
            pipeline
            | beam.Create(["(__import__('pixelbake').__file__, __import__('sys').path)"])
            | beam.Map(eval)
            | beam.Map(repr)
            | beam.io.WriteToText(str(tmp_path / "seen"), num_shards=1)
        )

    run_pipeline(build, services.flags(worker_timeout=0))
    (path,) = tmp_path.iterdir()
    file, search_path = eval(path.read_text())
    assert Path(file).is_relative_to(installed)
    folders = [services.log.parent / folder for folder in search_path]
    assert not [folder for folder in folders if folder == ROOT / "components"]
    assert [folder for folder in folders if (folder / "pixelbake").exists()] == [
        Path(file).parents[1]
    ]


def test_two_workers_give_the_records_of_the_local_runner(installed, services, tmp_path):
    write_inputs(tmp_path)
    local_run(installed, tmp_path)
    local = records(tmp_path / "run")
    assert len(local["train"]) == 1347 + len(PHOTOS)
    manifest = read_manifest(str(tmp_path / "run"))
    before = services.log.read_text().count("Starting worker")
    # Beam alone would fail every job that takes longer than a request may, here five seconds.
    client = pixelbake(
        installed, tmp_path, "--json", "job.yaml", "--", *services.flags(job_server_timeout=5)
    )
    code, out, err = end_of(client)
    assert code == 0, err
    assert json.loads(out)["outcome"] == "done"
    assert records(tmp_path / "run") == local
    assert read_manifest(str(tmp_path / "run")) == manifest
    assert services.log.read_text().count("Starting worker") == before + 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "job.yaml", "run"]


def test_beams_own_job_service_gives_the_same_records_by_one_worker(installed, services, tmp_path):
    write_inputs(tmp_path)
    local_run(installed, tmp_path)
    local = records(tmp_path / "run")
    port = free_port()
    command = (
        installed / "bin" / "python",
        "-m",
        "apache_beam.runners.portability.local_job_service_main",
        f"--job_port={port}",
    )
    with session(*command, log=tmp_path / "log", env=variables()):
        wait_for(lambda: answers(port), "Beam's job service")
        flags = services.flags(job_endpoint=f"localhost:{port}")
        code, _, err = end_of(pixelbake(installed, tmp_path, "job.yaml", "--", *flags))
    assert code == 0, err
    assert records(tmp_path / "run") == local


def test_a_killed_worker_ends_the_run_the_old_one_stands_and_resume_takes_it_up(
    installed, services, tmp_path
):
    write_inputs(tmp_path)
    local_run(installed, tmp_path)
    old = files_in(tmp_path / "run")
    write_inputs(tmp_path, times=10)
    flags = services.flags(worker_timeout=90)
    client = pixelbake(installed, tmp_path, "--resume", "job.yaml", "--", *flags)

    staging = tmp_path / ".run.staging"

    def writing_worker():
        """The process of a worker that has a shard open, when others are finished already."""
        assert client.poll() is None, end_of(client)
        workers = {path.name.rpartition("-")[2] for path in staging.glob("results/at-work-*/*")}
        open_in = {pid: open_files(pid) for pid in workers}
        writing = [pid for pid, paths in open_in.items() if any(".part-" in p for p in paths)]
        return int(writing[0]) if writing and list(staging.glob("results/*.json")) else None

    try:
        worker = wait_for(writing_worker, "a worker in the middle of a shard")
        assert worker in in_session(services.process.pid)
        os.kill(worker, signal.SIGKILL)
        code, _, err = end_of(client)
    finally:
        client.kill()
    assert code == 1
    assert "no worker has had work in hand for 90 s (--worker_timeout=90)" in err
    assert "--resume" in err
    assert "Traceback" not in err
    assert files_in(tmp_path / "run") == old
    assert list((staging / "results").glob("*.json"))
    assert not list((staging / "results").glob("at-work-*"))

    client = pixelbake(installed, tmp_path, "--resume", "job.yaml", "--", *flags)
    code, _, err = end_of(client)
    assert code == 0, err
    taken_up = records(tmp_path / "run")
    assert len(taken_up["train"]) == 10 * 1347 + len(PHOTOS)
    local_run(installed, tmp_path)
    assert records(tmp_path / "run") == taken_up


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    write(folder / "in" / "a", [example(image=image) for image in PHOTOS[:2]])
    (folder / "job.yaml").write_text("input: {train: in/*}\noutput: run\nrecipe: {}\n")
    return folder


def pool(installed, port, log, *bins):
    """A worker pool that finds another `python`, or none."""
    command = (
        installed / "bin" / "python",
        "-m",
        "apache_beam.runners.worker.worker_pool_main",
        f"--service_port={port}",
    )
    path = ":".join(map(str, bins))
    return session(*command, log=log, env={**variables(), "PATH": path})


def failure(installed, folder, flags):
    code, out, err = end_of(pixelbake(installed, folder, "--json", "job.yaml", "--", *flags))
    assert code == 1, err
    assert "Traceback" not in err
    assert sorted(path.name for path in folder.iterdir()) == ["in", "job.yaml"]
    return json.loads(out)["message"]


def test_a_pool_whose_workers_die_at_their_start_ends_the_run(
    installed, services, photos, tmp_path
):
    bare = tmp_path / "bare"
    assert run(sys.executable, "-m", "venv", "--without-pip", bare).returncode == 0
    port = free_port()
    with pool(installed, port, tmp_path / "log", bare / "bin"):
        wait_for(lambda: answers(port), "the pool")
        flags = services.flags(environment_config=f"localhost:{port}", worker_timeout=20)
        message = failure(installed, photos, flags)
        assert "No module named 'apache_beam'" in (tmp_path / "log").read_text()
    assert message.startswith("no worker has taken up work for 20 s (--worker_timeout=20)")
    assert f"The log of the worker pool at localhost:{port} says why" in message
    assert "`python` from its PATH" in message


def test_a_pool_that_finds_no_python_ends_the_run_at_once(installed, services, photos, tmp_path):
    port = free_port()
    with pool(installed, port, tmp_path / "log", tmp_path):
        wait_for(lambda: answers(port), "the pool")
        message = failure(installed, photos, services.flags(environment_config=f"localhost:{port}"))
    assert message.startswith(f"the worker pool at localhost:{port} can't start a worker: ")
    assert "No such file or directory: 'python'" in message


def test_a_pool_or_a_job_service_that_does_not_answer_is_named(installed, services, photos):
    nobody = f"localhost:{free_port()}"
    message = failure(installed, photos, services.flags(environment_config=nobody))
    assert message.startswith(f"no worker pool answers at {nobody} (--environment_config)")
    message = failure(installed, photos, services.flags(job_endpoint=nobody, job_server_timeout=5))
    assert message.startswith(f"no job service answers at {nobody} (--job_endpoint)")


@pytest.mark.parametrize("runner", ["PortableRunner", "FlinkRunner", "SparkRunner"])
def test_beam_knows_every_flag_that_is_documented(runner):
    flags = FLAG.findall(documented(runner))
    assert len(flags) >= 4
    options = PipelineOptions([f"--{name}={value}" for name, value in flags])
    given = options.get_all_options(drop_default=True)
    assert set(given) - {"worker_timeout"} == {name for name, _ in flags}
    section = DOCS.read_text().split("## Beam's portability", 1)[1].split("\n## ", 1)[0]
    known = set(PipelineOptions([]).get_all_options())
    assert set(re.findall(r"^\| `--(\w+)", section, re.M)) <= known


@pytest.mark.parametrize("engine", ["Flink", "Spark"])
def test_an_engines_job_server_that_answers_here_gives_the_records_of_the_local_runner(
    installed, services, tmp_path, engine
):
    with grpc.insecure_channel("localhost:8099") as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=2)
        except grpc.FutureTimeoutError:
            pytest.skip(f"no {engine} job server answers at localhost:8099")
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        asked = beam_job_api_pb2.DescribePipelineOptionsRequest()
        known = {option.name for option in stub.DescribePipelineOptions(asked, timeout=30).options}
    if not {f"{engine.lower()}_master", f"{engine.lower()}_master_url"} & known:
        pytest.skip(f"the job server at localhost:8099 is not one of {engine}")
    write_inputs(tmp_path)
    local_run(installed, tmp_path)
    local = records(tmp_path / "run")
    flags = services.flags(f"{engine}Runner")
    code, _, err = end_of(pixelbake(installed, tmp_path, "job.yaml", "--", *flags))
    assert code == 0, err
    assert records(tmp_path / "run") == local
