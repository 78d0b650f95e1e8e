"""Whether the run that a job would make stands there already."""

from __future__ import annotations

from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import RunError
from pixelbake.job.books import fingerprint_of, plan_text
from pixelbake.job.config import JobConfig
from pixelbake.job.expected import with_expected_records
from pixelbake.job.manifest import Manifest, read_manifest
from pixelbake.job.shards import plan_shards

__all__ = ["standing_run"]


def standing_run(config: JobConfig) -> Manifest | None:
    """Looks for a finished run of this very job.

    Args:
        config: The job. Its input is listed, wherever it is, but not read.

    Returns:
        The run's manifest if recipe, limits, expected counts, library versions and the names,
        sizes and times of the input files are those that it was made of, and its shards are whole;
        else None.

    Raises:
        InputError: Input files are missing or unusable.
    """
    config = with_expected_records(config)
    tasks = plan_shards(config.input, allow_empty=config.limits.allow_damaged_files)
    try:
        manifest = read_manifest(config.output)
    except RunError:
        return None
    plan = plan_text(config.recipe_key, config.limits, tasks)
    if manifest.fingerprint != fingerprint_of(plan, config.expected_records):
        return None
    for split in manifest.splits:
        shards = [shard for shard in manifest.shards if shard.split == split]
        paths = manifest.paths(config.output, split)
        found = FileSystems.match([f"{paths[0].rpartition('/')[0]}/*"])[0].metadata_list
        sizes = {one.path: one.size_in_bytes for one in found}
        if any(
            sizes.get(path) != shard.bytes_written
            for path, shard in zip(paths, shards, strict=True)
        ):
            return None
    return manifest
