"""`pixelbake preview`."""

from __future__ import annotations

import os
import posixpath
import signal
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pixelbake.job import JobConfig
    from pixelbake.recipe import Recipe

__all__ = ["preview"]


@click.command
@click.argument("job", type=click.Path(dir_okay=False))
@click.argument("inputs", nargs=-1, type=click.Path(dir_okay=False))
@click.option("-o", "--output", default="preview.png", show_default=True, help="The PNG to write.")
@click.option(
    "--record",
    "records",
    type=click.IntRange(0),
    multiple=True,
    help="Which record of a TFRecord file to show, from 0; may be given again. Without it, the "
    "first that the job would take.",
)
@click.option("--watch", is_flag=True, help="Draw it anew whenever JOB or an input changes.")
def preview(
    job: str, inputs: tuple[str, ...], output: str, records: tuple[int, ...], watch: bool
) -> None:
    """Draw what JOB's recipe does to a few images, stage by stage.

    Pixels are drawn as they are, not scaled. INPUTS are JPEG or PNG files, or TFRecord files as
    JOB reads them; without any, the first file of each of JOB's splits is looked at. They may
    be patterns, and on any file system that Beam knows.

    \b
    Examples:
      pixelbake preview job.yaml photo.jpg -o sheet.png
      pixelbake preview job.yaml --record 0 --record 7 --watch
      pixelbake preview job.yaml 'gs://bucket/photos/*.jpg'
    """
    from pixelbake.errors import PixelbakeError

    _draw(job, inputs, output, records)
    if not watch:
        return
    over = threading.Event()
    changes = _changes(job, *inputs, besides=output, over=over)
    # No KeyboardInterrupt: Python drops one that comes while TensorFlow takes a graph down.
    signal.signal(signal.SIGINT, lambda *_: over.set())
    click.echo("watching; Ctrl-C ends it", err=True)
    for _ in changes:
        try:
            _draw(job, inputs, output, records)
        except PixelbakeError as error:  # a half-typed file is no reason to stop
            click.echo(f"pixelbake: {error}", err=True)


def _changes(*paths: str, besides: str, over: threading.Event) -> Iterator[Any]:
    """Yields whenever one of some local files or patterns changes, `besides` left out.

    It ends when `over` is set.
    """
    from watchfiles import watch

    from pixelbake.errors import ConfigError
    from pixelbake.files import is_remote

    patterns = [os.path.abspath(path) for path in paths if not is_remote(path)]
    # Whole folders: most editors save by putting a new file in the place of the old one, and
    # whoever watches the file itself hears of it once.
    folders = {os.path.dirname(pattern) for pattern in patterns}
    folders = {folder for folder in folders if os.path.isdir(folder)}
    if not folders:
        raise ConfigError(f"--watch needs a local file to watch. Received: {', '.join(paths)}.")
    drawn = os.path.abspath(besides)

    def concerns(_: Any, path: str) -> bool:
        named = path in patterns or any(fnmatch(path, pattern) for pattern in patterns)
        return named and path != drawn

    return watch(*folders, watch_filter=concerns, recursive=False, stop_event=over)


def _draw(job: str, inputs: tuple[str, ...], output: str, records: tuple[int, ...]) -> None:
    from pixelbake.plain import check_job

    check_job(job)  # a slip of the pen need not wait for TensorFlow
    from pixelbake.errors import InputError, OutputError
    from pixelbake.job import job_from_yaml
    from pixelbake.preview import StageViewer, draw_sheet

    config = job_from_yaml(job)
    limits = config.limits.images
    viewer = StageViewer(_fitted(config), limits)
    rows = []
    for name, images in _images(config, inputs, records):
        try:
            rows.append((name, viewer(*images)))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    try:
        draw_sheet(rows).save(output, "PNG")
    except OSError as error:
        raise OutputError(f"{output} can't be written: {error.strerror}") from error
    click.echo(output)


def _fitted(config: JobConfig) -> Recipe:
    """Returns the recipe, fitted by the run that JOB has made if it has to be."""
    from pixelbake.errors import RecipeError, RunError
    from pixelbake.job import read_manifest

    if not config.recipe.unfitted:
        return config.recipe
    try:
        made = read_manifest(config.output).recipe
    except RunError:
        made = None
    if made is None or [s.layer for s in made.layers] != [s.layer for s in config.recipe.layers]:
        i = config.recipe.unfitted[0]
        raise RecipeError(
            f"layers[{i}] ({config.recipe.layers[i].layer}) is fitted on data. Run the job first; "
            f"the preview takes what was fitted from {config.output}."
        )
    return made


def _images(
    config: JobConfig, inputs: tuple[str, ...], records: tuple[int, ...]
) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Yields names and encoded images (and masks)."""
    from pixelbake.errors import InputError
    from pixelbake.files import matching_files, open_bytes
    from pixelbake.intake.gate import image_format
    from pixelbake.job import plan_shards

    paths = matching_files(inputs)
    if not paths:
        tasks = plan_shards(config.input, allow_empty=True)
        paths = [next(t.path for t in tasks if t.split == split) for split in config.input]
    for path in paths:
        name = posixpath.basename(path)
        try:
            with open_bytes(path) as file:
                start = file.read(8)
                image = start + file.read() if image_format(start) else None
        except OSError as error:
            raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
        if image is not None:
            yield name, (image,)
        else:
            for record in records or (None,):
                index, images = _record(config, path, record)
                yield f"{name}, record {index}", images


def _record(config: JobConfig, path: str, index: int | None) -> tuple[int, tuple[bytes, ...]]:
    """Returns a record's number and its encoded image (and mask).

    Args:
        config: The job.
        path: The TFRecord file.
        index: The record's number, or None for the first that the job would take.
    """
    from itertools import islice

    from pixelbake.errors import InputError
    from pixelbake.files import open_bytes
    from pixelbake.intake.reasons import Quarantined
    from pixelbake.intake.tfrecord import read_tfrecord
    from pixelbake.job.record_gate import RecordGate

    gate = RecordGate.of(config.recipe, config.limits.images)
    refused: Quarantined | None = None
    with open_bytes(path) as file:
        for found in islice(read_tfrecord(file, path), index, None if index is None else index + 1):
            checked = found if isinstance(found, Quarantined) else gate.check(found)
            if not isinstance(checked, Quarantined):
                return checked.record.index, checked.images
            refused = refused or checked
    if refused is None:
        count = f"no record {index}" if index else "no record"
        raise InputError(f"{path} has {count}: neither an image nor so many records.")
    raise InputError(f"{path}, record {refused.index}: {refused.message} ({refused.reason.value}).")
