"""All or nothing: a run is made in a folder beside its target and put in place by a rename."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelbake.errors import OutputError
from pixelbake.job.manifest import MANIFEST_FILE

__all__ = ["Staging", "staged"]


class Staging:
    """The folder in which a run is made.

    Attributes:
        target: Where the run will stand.
        path: Where it is made: beside the target, on the same file system.
        failed: Where the quarantine of a run that failed is kept.
    """

    def __init__(self, target: str) -> None:
        self.target = Path(target)
        name = self.target.name
        self.path = self.target.with_name(f".{name}.staging")
        self.failed = self.target.with_name(f"{name}.failed")
        self._old = self.target.with_name(f".{name}.old")

    def check_target(self) -> None:
        """Makes sure that a run could be put in place, before any work is done.

        Raises:
            OutputError: The target is on another kind of file system, is something other than a
                run, or can't be written.
        """
        if "://" in str(self.target):
            raise OutputError(f"the output must be a local folder. Received: {self.target}.")
        if self.target.is_symlink() or (self.target.exists() and not self.target.is_dir()):
            raise OutputError(f"{self.target} is a file. Name a folder for the run.")
        is_run = (self.target / MANIFEST_FILE).is_file()
        if self.target.is_dir() and any(self.target.iterdir()) and not is_run:
            raise OutputError(
                f"{self.target} holds something other than a run of pixelbake (it has no "
                f"{MANIFEST_FILE}) and would be replaced. Name another folder, or empty it."
            )
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            probe = self.target.with_name(f".{self.target.name}.probe")
            probe.write_bytes(b"pixelbake")
            probe.unlink()
        except OSError as error:
            raise OutputError(f"{self.target.parent} can't be written: {error.strerror}") from error

    def clear(self) -> None:
        """Removes what an interrupted run may have left behind, and puts an old run back."""
        if self._old.exists():
            if self.target.exists():
                shutil.rmtree(self._old)
            else:
                os.rename(self._old, self.target)
        if self.path.exists():
            shutil.rmtree(self.path)

    def publish(self) -> None:
        """Puts the run in place of an old one.

        Between the two renames the target is absent; at every other moment it is the old run or
        the new one.
        """
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
def staged(target: str) -> Iterator[Staging]:
    """Gives an empty staging folder, and removes it whatever happens unless it is published.

    Raises:
        OutputError: The target can't be used, or another job is making it at this moment.
    """
    staging = Staging(target)
    staging.check_target()
    lock_path = staging.target.with_name(f".{staging.target.name}.lock")
    with open(lock_path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"another job is writing {staging.target} at this moment.") from error
        try:
            staging.clear()
            staging.path.mkdir()
            yield staging
        finally:
            shutil.rmtree(staging.path, ignore_errors=True)
            lock_path.unlink(missing_ok=True)
