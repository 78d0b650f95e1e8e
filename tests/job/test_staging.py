import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixelbake.errors import BadRecordsError, OutputError
from pixelbake.job.staging import Staging, staged
from tests.job.inputs import files_in

PLAN = '{"recipe": 1}'
RUN = '{"format": "pixelbake-run", "format_version": 1}'
OLD = {"manifest.json": RUN.encode(), "examples/Split-train/a.tfrecord": b"old"}
NEW = {"manifest.json": RUN.encode(), "examples/Split-train/b.tfrecord": b"new"}


def make(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@contextmanager
def begun(target) -> Iterator[Staging]:
    with staged(str(target)) as staging:
        staging.begin(PLAN, resume=False)
        yield staging


def publish(staging: Staging) -> None:
    staging.can_be_resumed(PLAN)
    staging.publish()


def fail(target, files: dict[str, bytes]) -> None:
    """A job of which the quarantine is kept."""
    with pytest.raises(BadRecordsError), begun(target) as staging:  # noqa: PT012
        make(staging.path, files)
        assert staging.keep_failed("quarantine") == staging.failed
        raise BadRecordsError


def names_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def refused(target) -> str:
    with pytest.raises(OutputError) as caught, staged(str(target)):
        pytest.fail("a run was begun")
    return str(caught.value)


def test_a_run_is_put_in_place_as_a_whole_and_nothing_else_stays(tmp_path):
    with begun(f"{tmp_path}/run") as staging:
        make(staging.path, NEW)
        assert not (tmp_path / "run").exists()
        publish(staging)
    assert files_in(tmp_path) == {f"run/{name}": data for name, data in NEW.items()}
    assert names_in(tmp_path) == ["run"]


def test_a_run_replaces_an_old_one_and_no_file_of_it_survives(tmp_path):
    make(tmp_path / "run", OLD)
    with begun(f"{tmp_path}/run") as staging:
        make(staging.path, NEW)
        assert files_in(tmp_path / "run") == OLD
        publish(staging)
    assert files_in(tmp_path / "run") == NEW
    assert names_in(tmp_path) == ["run"]


def test_the_folders_above_the_target_are_made(tmp_path):
    with begun(f"{tmp_path}/a/b/run") as staging:
        make(staging.path, NEW)
        publish(staging)
    assert files_in(tmp_path / "a/b/run") == NEW


def test_a_slash_at_the_end_names_the_same_folder(tmp_path):
    assert Staging(f"{tmp_path}/run/").path == Staging(f"{tmp_path}/run").path


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_unpublished_run_leaves_the_old_one_and_nothing_else(tmp_path, error):
    make(tmp_path / "run", OLD)

    def interrupted():
        with begun(f"{tmp_path}/run") as staging:
            make(staging.path, NEW)
            raise error

    with pytest.raises(error):
        interrupted()
    assert files_in(tmp_path / "run") == OLD
    assert names_in(tmp_path) == ["run"]


def test_the_staging_folder_is_empty_even_if_a_killed_job_left_one(tmp_path):
    make(Staging(f"{tmp_path}/run").path, OLD)
    with begun(f"{tmp_path}/run") as staging:
        assert names_in(staging.path) == []


def test_a_job_killed_between_the_two_renames_gets_its_old_run_back(tmp_path):
    make(tmp_path / ".run.old", OLD)
    make(tmp_path / ".run.staging", NEW)
    with begun(f"{tmp_path}/run") as staging:
        assert files_in(tmp_path / "run") == OLD
        publish(staging)
    assert names_in(tmp_path) == ["run"]


def test_a_job_killed_after_the_two_renames_keeps_its_new_run(tmp_path):
    make(tmp_path / ".run.old", OLD)
    make(tmp_path / "run", NEW)
    with staged(f"{tmp_path}/run"):
        pass
    assert files_in(tmp_path / "run") == NEW
    assert names_in(tmp_path) == ["run"]


def test_a_second_job_on_the_same_target_is_refused_and_disturbs_nothing(tmp_path):
    with begun(f"{tmp_path}/run") as staging:
        make(staging.path, NEW)
        assert "another job is writing" in refused(tmp_path / "run")
        assert files_in(staging.path) == NEW
        assert "another job is writing" in refused(tmp_path / "run")
        publish(staging)
    assert files_in(tmp_path / "run") == NEW


def test_two_jobs_with_targets_beside_each_other_do_not_meet(tmp_path):
    with begun(f"{tmp_path}/a") as a, begun(f"{tmp_path}/b") as b:
        make(a.path, OLD)
        make(b.path, NEW)
        publish(a)
        publish(b)
    assert (files_in(tmp_path / "a"), files_in(tmp_path / "b")) == (OLD, NEW)


def test_a_lock_file_that_nobody_holds_is_no_hindrance(tmp_path):
    (tmp_path / ".run.lock").write_bytes(b"")
    with staged(f"{tmp_path}/run"):
        pass
    assert names_in(tmp_path) == []


def test_the_lock_is_held_from_the_start_to_the_end(tmp_path):
    with (
        staged(f"{tmp_path}/run"),
        open(tmp_path / ".run.lock") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_file_is_refused_as_target_and_kept(tmp_path):
    (tmp_path / "run").write_bytes(b"a file")
    assert "is a file" in refused(tmp_path / "run")
    assert files_in(tmp_path) == {"run": b"a file"}


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_refused_as_target_and_kept(tmp_path, exists):
    if exists:
        make(tmp_path / "real", OLD)
    (tmp_path / "run").symlink_to(tmp_path / "real")
    refused(tmp_path / "run")
    assert (tmp_path / "run").is_symlink()
    assert files_in(tmp_path / "real") == (OLD if exists else {})


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    make(tmp_path / "home", {"thesis.tex": b"years of work"})
    assert "thesis" not in refused(tmp_path / "home")
    assert files_in(tmp_path) == {"home/thesis.tex": b"years of work"}
    assert names_in(tmp_path) == ["home"]


def test_a_folder_with_the_manifest_of_another_program_is_refused_and_kept(tmp_path):
    site = {"manifest.json": b'{"name": "A web app", "start_url": "."}', "index.html": b"<p>"}
    make(tmp_path / "site", site)
    refused(tmp_path / "site")
    assert files_in(tmp_path / "site") == site


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "run").mkdir()
    with begun(f"{tmp_path}/run") as staging:
        make(staging.path, NEW)
        publish(staging)
    assert files_in(tmp_path / "run") == NEW


@pytest.mark.parametrize("target", ["gs://bucket/run", "hdfs://host/run", "s3://bucket/run"])
def test_an_address_is_refused_as_target_and_no_folder_of_its_name_is_made(
    target, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert target in refused(target)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("target", ["/proc/pixelbake/run", "/"])
def test_a_target_that_can_not_be_written_is_refused(target):
    refused(target)


def test_the_current_folder_is_refused_as_target_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(".")


def test_a_target_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"a file")
    assert f"{tmp_path}/file/run can't be written" in refused(tmp_path / "file" / "run")


def test_a_name_too_long_for_the_disk_is_refused(tmp_path):
    refused(tmp_path / ("x" * 250))
    refused(tmp_path / ("x" * 300))
    assert names_in(tmp_path) == []


def test_one_part_of_a_failed_run_is_kept_beside_the_target(tmp_path):
    fail(tmp_path / "run", {"quarantine/bad": b"bad", "examples/good": b"good"})
    assert files_in(tmp_path) == {"run.failed/quarantine/bad": b"bad"}


def test_a_later_failure_replaces_what_an_earlier_one_left(tmp_path):
    for name in ("first", "second"):
        fail(tmp_path / "run", {f"quarantine/{name}": b"bad"})
    assert files_in(tmp_path) == {"run.failed/quarantine/second": b"bad"}


def test_a_run_that_succeeds_removes_what_a_failed_one_left(tmp_path):
    make(tmp_path / "run.failed", {"quarantine/bad": b"bad"})
    with begun(f"{tmp_path}/run") as staging:
        make(staging.path, NEW)
        assert (tmp_path / "run.failed").exists()
        publish(staging)
    assert names_in(tmp_path) == ["run"]
