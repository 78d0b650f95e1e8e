"""ServingCheck between stock components: what skews is not pushed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("tfx", reason="this stack has no TFX")

import tensorflow as tf
from tfx import v1 as tfx
from tfx.proto import example_gen_pb2
from tfx.types import Channel, standard_artifacts

from pixelbake.job import Limits
from pixelbake.layers import Brightness, GaussianBlur
from pixelbake.recipe import Recipe, Resize
from pixelbake.tfx import PixelTransform, ServingCheck
from tests.job.inputs import PHOTOS, example, write

pytestmark = [pytest.mark.slow, pytest.mark.tfx]

RECIPE = Recipe(
    resize=Resize(height=24, width=32),
    layers=[Brightness(1.2), GaussianBlur(3, 0.8)],
    passthrough={"label": "int64"},
)
RECORDS = [
    example(image=image[:700] if n == 5 else image, label=n) for n, image in enumerate(PHOTOS)
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """One pipeline with two trainers: the second exports with a factor that was changed."""
    root = tmp_path_factory.mktemp("check")
    write(root / "data" / "photos-0", RECORDS[:20])
    write(root / "data" / "photos-1", RECORDS[20:])
    splits = [example_gen_pb2.Input.Split(name=f"part{i}", pattern=f"photos-{i}") for i in range(2)]
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(root / "data"), input_config=example_gen_pb2.Input(splits=splits)
    )
    transform = PixelTransform(
        example_gen.outputs["examples"], RECIPE, Limits(max_bad_fraction=0.5)
    )
    components = [example_gen, transform]
    for name in ("good", "skewed"):
        trainer = tfx.components.Trainer(
            run_fn=f"tests.tfx.exporting_trainer.{name}_run_fn",
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            train_args=tfx.proto.TrainArgs(splits=["part1"], num_steps=1),
            eval_args=tfx.proto.EvalArgs(splits=["part1"]),
        ).with_id(f"Trainer-{name}")
        check = ServingCheck(
            examples=example_gen.outputs["examples"],
            transformed_examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            quarantine=transform.outputs["quarantine"],
            model=trainer.outputs["model"],
            sample=10,
        ).with_id(f"ServingCheck-{name}")
        pusher = tfx.components.Pusher(
            model=trainer.outputs["model"],
            infra_blessing=check.outputs["blessing"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(
                    base_directory=str(root / "serving" / name)
                )
            ),
        ).with_id(f"Pusher-{name}")
        components += [trainer, check, pusher]
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="photos",
        pipeline_root=str(root / "artifacts"),
        components=components,
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata"))
        ),
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return root


def blessing(root: Path, name: str) -> Path:
    (folder,) = (root / "artifacts" / f"ServingCheck-{name}" / "blessing").iterdir()
    return folder


def test_a_model_that_serves_what_it_was_trained_on_is_pushed(root):
    (pushed,) = (root / "serving" / "good").iterdir()
    assert "serving_default" in tf.saved_model.load(str(pushed)).signatures
    assert (blessing(root, "good") / "INFRA_BLESSED").exists()
    found = json.loads((blessing(root, "good") / "verification.json").read_text())
    assert (found["consistent"], found["records"], found["of"]) == (True, 10, len(PHOTOS) - 1)
    assert "Consistent: " in (blessing(root, "good") / "report.html").read_text()


def test_a_model_that_skews_is_not_pushed_and_the_reason_lies_beside_the_mark(root):
    assert not list((root / "serving").glob("skewed/*"))
    folder = blessing(root, "skewed")
    assert (folder / "INFRA_NOT_BLESSED").exists()
    assert not (folder / "INFRA_BLESSED").exists()
    found = json.loads((folder / "verification.json").read_text())
    assert found["consistent"] is False
    assert found["worst"]["stage"] == "layers[0]"
    assert found["recipe_differences"] == [
        "layers[0].config.factor: 1.2 in the run, 1.3 in the export"
    ]
    assert (folder / "skew.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text()
    assert "Skew: " in page
    assert 'alt="The record that differs most' in page


def test_a_sample_of_none_is_refused_when_the_pipeline_is_written():
    channels = [
        Channel(type=kind)
        for kind in (
            standard_artifacts.Examples,
            standard_artifacts.Examples,
            standard_artifacts.TransformGraph,
            standard_artifacts.Model,
        )
    ]
    with pytest.raises(ValueError, match="Received: sample=0"):
        ServingCheck(*channels, sample=0)
