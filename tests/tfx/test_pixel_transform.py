"""PixelTransform under LocalDagRunner over data that is not all good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tfx", reason="this stack has no TFX")

from tfx import v1 as tfx
from tfx.orchestration.metadata import Metadata, sqlite_metadata_connection_config
from tfx.proto import example_gen_pb2
from tfx.types import Channel

from pixelbake.errors import RecipeError
from pixelbake.job import Limits, read_manifest, read_quarantine
from pixelbake.layers import Brightness, BrightnessNormalization
from pixelbake.recipe import Recipe
from pixelbake.tfx import PixelTransform
from tests.job.inputs import PHOTOS, example, pixels_of, records_in, write

pytestmark = [pytest.mark.slow, pytest.mark.tfx]

RECIPE = Recipe(layers=[Brightness(1.2)], passthrough={"label": "int64"})
BAD = example(image=PHOTOS[3][:900], label=3)
RECORDS = [BAD if n == 3 else example(image=image, label=n) for n, image in enumerate(PHOTOS)]


def run(root: Path, limits: Limits | None) -> None:
    write(root / "data" / "photos-0", RECORDS)
    write(root / "data" / "good-0", RECORDS[4:10])
    splits = [
        example_gen_pb2.Input.Split(name=name, pattern=f"{name}-*") for name in ("photos", "good")
    ]
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(root / "data"), input_config=example_gen_pb2.Input(splits=splits)
    )
    transform = PixelTransform(example_gen.outputs["examples"], RECIPE, limits)
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="photos",
        pipeline_root=str(root / "artifacts"),
        components=[example_gen, transform],
        metadata_connection_config=sqlite_metadata_connection_config(str(root / "metadata")),
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


def published(root: Path, type_name: str) -> list:
    with Metadata(sqlite_metadata_connection_config(str(root / "metadata"))) as handle:
        artifacts = handle.store.get_artifacts_by_type(type_name)
    return [artifact for artifact in artifacts if artifact.state == artifact.LIVE]


def test_a_bad_record_is_in_the_quarantine_artifact_and_its_reason_in_the_metadata(tmp_path):
    run(tmp_path, Limits(max_bad_fraction=0.1))
    (quarantine,) = published(tmp_path, "pixelbake.Quarantine")
    properties = quarantine.custom_properties
    assert (properties["read"].int_value, properties["quarantined"].int_value) == (36, 1)
    assert json.loads(properties["reasons"].string_value) == {"decode_failed": 1}
    (item,) = read_quarantine(quarantine.uri, "photos")
    # (ImportExampleGen of TFX 1.21 writes an Example's features in another order.)
    assert tf.train.Example.FromString(item.data) == tf.train.Example.FromString(BAD)
    assert list(read_quarantine(quarantine.uri, "good")) == []
    shards = (tmp_path / "artifacts/PixelTransform/transformed_examples").rglob("*.gz")
    assert {path.parent.name: len(records_in(path)) for path in shards} == {
        "Split-photos": 29,
        "Split-good": 6,
    }


def test_more_bad_records_than_allowed_fail_the_component_and_publish_nothing(tmp_path):
    with pytest.raises(Exception, match="1 of 30 records were quarantined"):
        run(tmp_path, None)
    assert published(tmp_path, "pixelbake.Quarantine") == []
    assert published(tmp_path, "TransformGraph") == []


def fit_in_a_pipeline(root: Path, with_cache: bool) -> float:
    """Runs a recipe to be fitted, and returns the mean that it was fitted to."""
    splits = [
        example_gen_pb2.Input.Split(name=name, pattern=f"{name}-*") for name in ("train", "eval")
    ]
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(root / "data"), input_config=example_gen_pb2.Input(splits=splits)
    )
    cache = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestArtifactStrategy,
        cache=Channel(type=tfx.types.standard_artifacts.TransformCache),
    ).with_id("latest_cache")
    transform = PixelTransform(
        example_gen.outputs["examples"],
        Recipe(layers=[BrightnessNormalization(0.5)]),
        analyzer_cache=cache.outputs["cache"] if with_cache else None,
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="fitted",
        pipeline_root=str(root / "artifacts"),
        components=[example_gen, *([cache] if with_cache else []), transform],
        metadata_connection_config=sqlite_metadata_connection_config(str(root / "metadata")),
        enable_cache=True,  # the same data are the same artifact, as an older span's are
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    runs = (root / "artifacts/PixelTransform/transformed_examples").iterdir()
    newest = max(runs, key=lambda path: int(path.name))
    (layer,) = read_manifest(str(newest)).fitted
    return layer.config["mean"]


def test_layers_are_fitted_and_files_that_the_analyzer_cache_knows_are_not_counted_again(tmp_path):
    write(tmp_path / "data" / "train-0", [example(image=image) for image in PHOTOS[:6]])
    write(tmp_path / "data" / "eval-0", [example(image=image) for image in PHOTOS[6:8]])
    pixels = np.stack([pixels_of(image) for image in PHOTOS[:6]]) / 255
    assert fit_in_a_pipeline(tmp_path, with_cache=False) == pytest.approx(pixels.mean(), rel=1e-9)
    (cache,) = published(tmp_path, "TransformCache")
    (counts,) = Path(cache.uri).glob("file-*.npz")
    with np.load(counts) as found:
        white = dict(found)
    white["counts"] = np.flip(np.eye(3, white["counts"].shape[1], dtype=np.int64), 1)
    white["counts"][:] = white["counts"][:1]  # nothing but white, so that its use can be seen
    np.savez(counts, **white)
    assert fit_in_a_pipeline(tmp_path, with_cache=True) == 1.0


def test_a_recipe_that_is_none_is_refused_when_the_pipeline_is_written():
    examples = Channel(type=tfx.types.standard_artifacts.Examples)
    with pytest.raises(RecipeError, match="not JSON"):
        PixelTransform(examples, "no recipe")
