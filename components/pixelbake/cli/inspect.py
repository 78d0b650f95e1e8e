"""`pixelbake inspect`."""

from __future__ import annotations

import json
import os
from itertools import islice

import click

__all__ = ["inspect"]

#: What is told of a quarantined record.
_TOLD = ("file", "index", "offset", "message")


@click.command
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
def inspect(paths: tuple[str, ...], as_json: bool) -> None:
    """Say what PATHS hold: a run, TFRecord files, or a quarantine.

    Of TFRecord files, the first records are looked at: their features, types, counts and images.
    Of a quarantine, such as a run that failed leaves in `RUN.failed`, they are told by their
    reasons. PATHS may be patterns, and on any file system that Beam knows.

    \b
    Examples:
      pixelbake inspect runs/digits
      pixelbake inspect runs/digits.failed
      pixelbake inspect data/*.tfrecord --json
      pixelbake inspect 'gs://bucket/data/*.tfrecord'
    """
    if len(paths) == 1 and _is_run(paths[0]):
        _inspect_run(paths[0], as_json)
    elif quarantine := _quarantine_files(paths):
        _inspect_quarantine(quarantine, as_json)
    else:
        _inspect_files(paths, as_json)


def _is_run(path: str) -> bool:
    from pixelbake.files import read_text
    from pixelbake.job.manifest import MANIFEST_FILE

    try:
        return read_text(f"{path.rstrip('/')}/{MANIFEST_FILE}") is not None
    except (OSError, ValueError):  # told when its files are looked up
        return False


def _inspect_run(run: str, as_json: bool) -> None:
    from pixelbake.job import read_manifest
    from pixelbake.recipe.description import describe_stages

    manifest = read_manifest(run)
    if as_json:
        click.echo(manifest.model_dump_json())
        return
    click.echo(f"recipe {manifest.recipe_hash[:12]}")
    for title, details in describe_stages(manifest.recipe).values():
        click.echo(f"  {title}: {details}" if details else f"  {title}")
    for part in manifest.not_exact:
        click.echo(f"not exact: {part}")
    for split, counts in manifest.splits.items():
        click.echo(
            f"{split}: {counts.read} read, {counts.written} written, "
            f"{counts.quarantined} quarantined"
        )
        for reason, count in counts.reasons.items():
            click.echo(f"  {reason}: {count}")
    click.echo(", ".join(f"{name} {version}" for name, version in manifest.versions.items()))


def _quarantine_files(paths: tuple[str, ...]) -> list[str]:
    """Returns the quarantine files that all of the paths name; none if one names others."""
    from pixelbake.errors import InputError
    from pixelbake.job.quarantine import quarantine_files

    found: list[str] = []
    for path in paths:
        folder = path.rstrip("/")
        try:
            files = quarantine_files(path)
        except (OSError, ValueError):  # told when the files are looked up
            files = []
        if not files and os.path.isdir(f"{folder}.failed") and not os.path.exists(folder):
            raise InputError(
                f"{path} is not there: its run failed. `pixelbake inspect {folder}.failed` shows "
                "what was quarantined."
            )
        if not files and folder.endswith(".failed") and os.path.isdir(folder):
            raise InputError(
                f"{path} is of a run that failed and quarantined nothing; its message said why. "
                "Run the job again to read it."
            )
        if not files:
            return []
        found += files
    return found


def _inspect_quarantine(files: list[str], as_json: bool) -> None:
    from pixelbake.inspection import RECORDS_LOOKED_AT
    from pixelbake.intake.reasons import Quarantined
    from pixelbake.job.quarantine import quarantined_in

    found: dict[str, list[Quarantined]] = {}
    for path in files:
        for item in islice(quarantined_in(path), max(1, RECORDS_LOOKED_AT // len(files))):
            found.setdefault(item.reason.value, []).append(item)
    records = sum(map(len, found.values()))
    if as_json:
        reasons = {
            reason: {
                "records": len(items),
                "first": {name: getattr(items[0], name) for name in _TOLD},
            }
            for reason, items in found.items()
        }
        click.echo(json.dumps({"files": len(files), "records": records, "quarantined": reasons}))
        return
    click.echo(f"{_files(len(files))} of quarantined records, the first {records} records")
    for reason, items in found.items():
        first = items[0]
        click.echo(f"  {reason}: {len(items)}")
        click.echo(f"    {first.file}, record {first.index}: {first.message}")


def _inspect_files(paths: tuple[str, ...], as_json: bool) -> None:
    from pixelbake.files import matching_files
    from pixelbake.inspection import inspect_files

    found = inspect_files(matching_files(paths))
    if as_json:
        features = {
            name: {
                "records": one.records,
                "dtypes": dict(one.dtypes),
                "values": dict(one.counts),
                "images": dict(one.images),
                "sizes": [[*size, count] for size, count in one.sizes.items()],
            }
            for name, one in found.features.items()
        }
        outcome = {
            "files": found.files,
            "records": found.records,
            "features": features,
            "damage": dict(found.damage),
        }
        click.echo(json.dumps(outcome))
        return
    click.echo(f"{_files(found.files)}, the first {found.records} records")
    for name, one in found.features.items():
        in_some = "" if one.records == found.records else f" (in {one.records} of them)"
        click.echo(f"  {name}: {one.in_words}{in_some}")
    for reason, count in found.damage.items():
        click.echo(f"  damage, {reason}: {count}")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
