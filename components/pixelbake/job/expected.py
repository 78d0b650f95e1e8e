"""How many records each split must have, taken from an earlier run."""

from __future__ import annotations

from pixelbake.errors import InputError, RunError
from pixelbake.job.config import JobConfig
from pixelbake.job.manifest import read_manifest

__all__ = ["with_expected_records"]


def with_expected_records(config: JobConfig) -> JobConfig:
    """Fills `expected_records` in from the manifest of the run that `expected_records_of` names.

    Args:
        config: The job. Counts that it gives itself stay.

    Raises:
        InputError: There is no such run, or it lacks one of the job's splits.
    """
    if config.expected_records_of is None:
        return config
    try:
        splits = read_manifest(config.expected_records_of).splits
    except RunError as error:
        raise InputError(f"expected_records_of: {error}") from error
    missing = [split for split in config.input if split not in splits]
    if missing:
        raise InputError(
            f"expected_records_of: {config.expected_records_of} has the splits "
            f"{', '.join(splits)}. Received: split {missing[0]!r}. Name a run of the same splits, "
            "or give expected_records."
        )
    counts = {split: splits[split].read for split in config.input}
    return config.model_copy(
        update={
            "expected_records": {**counts, **config.expected_records},
            "expected_records_of": None,
        }
    )
