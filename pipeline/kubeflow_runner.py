"""Compiles the pipeline for Kubeflow Pipelines v2 and Vertex AI Pipelines.

`python -m pipeline.kubeflow_runner --image IMAGE --root gs://bucket/pipeline
--serving gs://bucket/serving --output digits.json`

IMAGE holds TFX, pixelbake and this package. `data`, a folder, and `recipe`, its JSON
(`Recipe.to_json`), are parameters of the compiled pipeline, to be given to each of its runs; TFX
writes no default values into it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tfx import v1 as tfx

from pipeline.pipeline import create_components, create_pipeline

__all__ = ["compile_pipeline", "main"]

TRAIN_STEPS = 400


def compile_pipeline(
    output: Path, image: str, root: str, serving: str, beam_args: Sequence[str] = ()
) -> None:
    """Writes the pipeline as a Kubeflow v2 job.

    Args:
        output: The JSON file to write.
        image: The container image that every step runs in.
        root: Folder for the artifacts, which all steps can reach.
        serving: Folder that the model is pushed to.
        beam_args: Beam's flags for PixelTransform alone.
    """
    components = create_components(
        data=tfx.dsl.experimental.RuntimeParameter(name="data", ptype=str),
        recipe=tfx.dsl.experimental.RuntimeParameter(name="recipe", ptype=str),
        serving=serving,
        train_steps=TRAIN_STEPS,
        beam_args=beam_args,
    )
    config = tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image=image)
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=config, output_dir=str(output.parent), output_filename=output.name
    )
    runner.run(create_pipeline(components, root), write_out=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compiles for what the command line names; after `--` come PixelTransform's Beam flags."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("image", "root", "serving"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("beam_args", nargs="*")
    compile_pipeline(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
