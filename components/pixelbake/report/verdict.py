"""The verdict on a run's model, kept beside the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import OutputError
from pixelbake.files import read_bytes, read_text, write_bytes
from pixelbake.job.manifest import Manifest, read_manifest
from pixelbake.verify import Verification

__all__ = ["VERDICT_FILE", "Verdict", "keep_verdict", "read_verdict"]

VERDICT_FILE = "verification.json"
_PICTURE_FILE = "verification.png"


@dataclass(frozen=True)
class Verdict:
    """What was found about a model of a run.

    Attributes:
        verification: The finding.
        picture: A PNG of the record that differs most, if there is skew.
    """

    verification: Verification
    picture: bytes | None = None

    @classmethod
    def of(cls, found: Verification) -> Verdict:
        """Takes the picture from where the verification has put it."""
        path = None if found.worst is None else found.worst.picture
        return cls(found, None if path is None else Path(path).read_bytes())


def keep_verdict(run: str, manifest: Manifest, found: Verification) -> None:
    """Puts a verdict beside the run, in place of an older one. It goes when the run is replaced.

    Args:
        run: The run's folder.
        manifest: The run that was verified.
        found: The verdict.

    Raises:
        OutputError: Another run stands there now, or the folder can't be written.
    """
    if read_manifest(run) != manifest:
        raise OutputError(f"{run} was replaced by another run meanwhile.")
    files = manifest.files(run)
    verdict, picture = Verdict.of(found), f"{files}/{_PICTURE_FILE}"
    try:
        if verdict.picture is not None:
            write_bytes(picture, verdict.picture)
            found = found.with_picture(_PICTURE_FILE)
        elif FileSystems.exists(picture):
            FileSystems.delete([picture])
        write_bytes(f"{files}/{VERDICT_FILE}", f"{found.to_json()}\n".encode())
    except OSError as error:
        raise OutputError(f"{files} can't be written: {error}") from error


def read_verdict(files: str) -> Verdict | None:
    """Returns the verdict beside a run; None if there is none, or none that can be read.

    Args:
        files: The folder that holds the run's files.
    """
    text = read_text(f"{files}/{VERDICT_FILE}")
    if text is None:
        return None
    try:
        found = Verification.from_json(text)
    except ValueError:  # of a later version, or damaged: no reason to have no page
        return None
    has_picture = found.worst is not None and found.worst.picture is not None
    return Verdict(found, read_bytes(f"{files}/{_PICTURE_FILE}") if has_picture else None)
