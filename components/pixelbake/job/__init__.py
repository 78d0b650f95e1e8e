"""The Beam job: TFRecord shards in, a finished run out."""

from pixelbake.job.config import Fit, JobConfig, Limits, job_from_yaml
from pixelbake.job.fit import fit_recipe
from pixelbake.job.manifest import Manifest, read_manifest
from pixelbake.job.quarantine import read_quarantine
from pixelbake.job.remote_run import write_job_down
from pixelbake.job.run import run_job
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import ShardResult, ShardTask, plan_shards
from pixelbake.job.standing_run import standing_run
from pixelbake.job.transform_images import TransformImages

__all__ = [
    "Fit",
    "JobConfig",
    "Limits",
    "Manifest",
    "RunFolders",
    "ShardResult",
    "ShardTask",
    "TransformImages",
    "fit_recipe",
    "job_from_yaml",
    "plan_shards",
    "read_manifest",
    "read_quarantine",
    "run_job",
    "standing_run",
    "write_job_down",
]
