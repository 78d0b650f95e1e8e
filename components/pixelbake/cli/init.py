"""`pixelbake init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

__all__ = ["init"]


@click.command
@click.argument("data", nargs=-1, type=click.Path())
@click.option(
    "--from-folder",
    type=click.Path(file_okay=False),
    help="A folder of photos, a subfolder for each class: packs them into TFRecords first, in data "
    "beside the file that is written, a tenth of them for evaluation.",
)
@click.option("-o", "--output", default="job.yaml", show_default=True, help="The file to write.")
def init(data: tuple[str, ...], from_folder: str | None, output: str) -> None:
    """Write a commented JOB.yaml from what DATA holds.

    DATA are TFRecord files, or their folder. They may be patterns, and on any file system that Beam
    knows.

    \b
    Examples:
      pixelbake init data/*.tfrecord
      pixelbake init 'gs://bucket/data/*.tfrecord'
      pixelbake init --from-folder photos
    """
    from pixelbake.errors import ConfigError, OutputError

    if bool(data) == bool(from_folder):
        raise ConfigError("name TFRecord files, or a folder of photos with --from-folder.")
    if Path(output).exists():
        raise OutputError(f"{output} is there already. Name another file with -o, or remove it.")
    base = Path(output).resolve().parent
    if from_folder:
        from pixelbake.photo_folder import pack_folder

        counts = pack_folder(from_folder, base / "data")
        click.echo(", ".join(f"{count} photos for {split}" for split, count in counts.items()))
        data = (str(base / "data"),)
    from pixelbake.job import job_from_yaml
    from pixelbake.job_draft import draft_job

    text = draft_job(_files(data), base)
    Path(output).write_text(text)
    job_from_yaml(output)  # what is written can be run
    click.echo(output)


def _files(data: tuple[str, ...]) -> list[str]:
    from pixelbake.errors import InputError
    from pixelbake.files import matching_files

    found = []
    for path in data:
        if os.path.isdir(path):
            inside = sorted(str(one) for one in Path(path).rglob("*") if one.is_file())
            if not inside:
                raise InputError(f"the folder {path} holds no files.")
            found += inside
        else:
            found += matching_files([path])
    return list(dict.fromkeys(found))
