"""`pixelbake run`."""

from __future__ import annotations

import json
import os

import click

from pixelbake.cli.progress_display import display_progress

__all__ = ["run"]


@click.command
@click.argument("job", type=click.Path(dir_okay=False))
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--resume",
    is_flag=True,
    help="Take up the shards that an interrupted run has left, and leave this one's if it is "
    "interrupted. Input and output must be local.",
)
@click.option(
    "--if-changed",
    is_flag=True,
    help="Do nothing if the run stands there already, made of the same input by the same recipe.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def run(
    job: str, beam_args: tuple[str, ...], resume: bool, if_changed: bool, as_json: bool
) -> None:
    """Transform the TFRecords that JOB (a YAML file) names.

    Whatever follows `--` goes to Beam. (For it, 0 workers are one for each core.)

    \b
    Examples:
      pixelbake run digits.yaml
      pixelbake run digits.yaml -- --direct_running_mode=multi_processing --direct_num_workers=0
    """
    # TensorFlow would split each small operation over all cores, and lose more by it than it gains:
    # images are in work side by side anyway. To be set before it is imported; the pixels are equal.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    from pixelbake.plain import check_job

    check_job(job)  # a slip of the pen need not wait for TensorFlow
    from pixelbake.job import job_from_yaml, run_job, standing_run, write_job_down
    from pixelbake.job.interruption import interruptible
    from pixelbake.job.pipeline import is_only_written_down

    with interruptible():
        config = job_from_yaml(job)
        if is_only_written_down(beam_args):
            write_job_down(config, beam_args)
            _say(config.output, "written down for Dataflow, not run here", as_json)
            return
        manifest = standing_run(config) if if_changed else None
        if manifest is not None:
            _say(config.output, "unchanged, nothing to do", as_json)
            return
        with display_progress() as tell:
            manifest = run_job(config, beam_args, resume=resume, on_progress=tell)
    if as_json:
        splits = {split: counts.model_dump() for split, counts in manifest.splits.items()}
        outcome = {
            "output": config.output,
            "outcome": "done",
            "recipe_hash": manifest.recipe_hash,
            "splits": splits,
        }
        click.echo(json.dumps(outcome))
        return
    for part in manifest.not_exact:
        click.echo(f"not exact: {part}")
    for split, counts in manifest.splits.items():
        click.echo(
            f"{split}: {counts.read} read, {counts.written} written, "
            f"{counts.quarantined} quarantined"
        )
        for reason, count in counts.reasons.items():
            click.echo(f"  {reason}: {count}")
    click.echo(config.output)


def _say(output: str, outcome: str, as_json: bool) -> None:
    """Tells of a job that was not run."""
    click.echo(
        json.dumps({"output": output, "outcome": outcome}) if as_json else f"{output}: {outcome}"
    )
