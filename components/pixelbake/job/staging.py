"""All or nothing: a run is made in a folder beside its target and put in place by a rename.

A run that is interrupted leaves nothing behind, unless it was asked to be resumable. What a killed
one leaves is removed by the next run, or taken up.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelbake.errors import BadRecordsError, BusyError, OutputError
from pixelbake.job.manifest import MANIFEST_FILE

__all__ = ["PART_SUFFIX", "Staging", "staged"]

#: What the name of a file goes on with as long as it is being written.
PART_SUFFIX = ".part-"
PLAN_FILE = "plan.json"


class Staging:
    """The folder in which a run is made.

    Attributes:
        target: Where the run will stand.
        path: Where it is made: beside the target, on the same file system.
        failed: Where the quarantine of a run that failed is kept.
    """

    def __init__(self, target: str) -> None:
        if "://" in target:
            raise OutputError(f"the output must be a local folder. Received: {target}.")
        self.target = Path(os.path.abspath(target))
        name = self.target.name
        here = Path.cwd()
        if self.target in (here, *here.parents):
            raise OutputError(
                f"{self.target} is the current folder, or one around it, and would be replaced. "
                f"Name a folder for the run. Received: {target!r}."
            )
        self.path = self.target.with_name(f".{name}.staging")
        self.failed = self.target.with_name(f"{name}.failed")
        self._old = self.target.with_name(f".{name}.old")

    def check_target(self) -> None:
        """Makes sure that a run could be put in place, before any work is done.

        Raises:
            OutputError: The target is something other than a run, or can't be written.
        """
        try:
            if self.target.is_symlink() or (self.target.exists() and not self.target.is_dir()):
                raise OutputError(f"{self.target} is a file. Name a folder for the run.")
            if self.target.is_dir() and any(self.target.iterdir()) and not self._holds_a_run():
                raise OutputError(
                    f"{self.target} holds something other than a run of pixelbake (it has no "
                    f"{MANIFEST_FILE} of one) and would be replaced. Name another folder, or empty "
                    "it."
                )
            self.target.parent.mkdir(parents=True, exist_ok=True)
            probe = self.path.with_suffix(".probing")
            probe.write_bytes(b"pixelbake")
            probe.unlink()
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(f"{self.target} can't be written: {error.strerror}") from error

    def _holds_a_run(self) -> bool:
        manifest = self.target / MANIFEST_FILE
        return manifest.is_file() and b'"pixelbake-run"' in manifest.read_bytes()

    def restore(self) -> None:
        """Puts an old run back if a run was killed between the two renames of `publish`."""
        if self._old.exists():
            if self.target.exists():
                shutil.rmtree(self._old)
            else:
                os.rename(self._old, self.target)

    def begin(self, plan: str, resume: bool) -> bool:
        """Makes the staging folder, empty unless it can be taken up.

        Args:
            plan: What the run will do, as text: recipe, inputs, versions.
            resume: Whether to take up what an interrupted run with the same plan left behind.

        Returns:
            Whether there was something to take up.
        """
        written = self.path / PLAN_FILE
        if resume and written.is_file() and written.read_text() == plan:
            for part in self.path.rglob(f"*{PART_SUFFIX}*"):
                part.unlink()
            return True
        if self.path.exists():
            shutil.rmtree(self.path)
        self.path.mkdir()
        return False

    def can_be_resumed(self, plan: str) -> None:
        """Notes the plan, from when on the folder is worth taking up."""
        (self.path / PLAN_FILE).write_text(plan)

    def publish(self) -> None:
        """Puts the run in place of an old one.

        Between the two renames the target is absent; at every other moment it is the old run or
        the new one.
        """
        (self.path / PLAN_FILE).unlink(missing_ok=True)
        if self.target.exists():
            os.rename(self.target, self._old)
        os.rename(self.path, self.target)
        shutil.rmtree(self._old, ignore_errors=True)
        shutil.rmtree(self.failed, ignore_errors=True)

    def keep_failed(self, part: str) -> Path:
        """Keeps one folder of a run that failed, in place of an older failed run's.

        Args:
            part: Name of the folder inside the run.

        Returns:
            Where it is now.
        """
        shutil.rmtree(self.failed, ignore_errors=True)
        self.failed.mkdir(parents=True)
        if (self.path / part).exists():
            os.rename(self.path / part, self.failed / part)
        return self.failed


@contextmanager
def staged(target: str, keep: bool = False) -> Iterator[Staging]:
    """Holds the target against other jobs, and removes the staging folder whatever happens.

    Args:
        target: Where the run will stand.
        keep: Whether to leave the staging folder of a run that did not end, to be taken up.

    Raises:
        OutputError: The target can't be used.
        BusyError: Another job is making it at this moment.
    """
    staging = Staging(target)
    staging.check_target()
    with _lock(staging.target):
        staging.restore()
        try:
            yield staging
        except BaseException as error:
            # Too many bad records: that run did end, and would end the same way again.
            if not keep or isinstance(error, BadRecordsError):
                shutil.rmtree(staging.path, ignore_errors=True)
            raise
        shutil.rmtree(staging.path, ignore_errors=True)


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    path = target.with_name(f".{target.name}.lock")
    while True:
        with open(path, "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(
                    f"another job is writing {target} at this moment; it was left alone."
                ) from error
            # Another job may have ended, and removed this very file, before it was locked here.
            if not path.exists() or not os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
