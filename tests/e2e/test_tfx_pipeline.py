"""One real pipeline under LocalDagRunner; each test looks at another part of what it made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tfx", reason="this stack has no TFX")

import tensorflow_model_analysis as tfma
import tensorflow_transform as tft
from tensorflow_serving.apis import prediction_log_pb2
from tfx import v1 as tfx
from tfx.orchestration.data_types import RuntimeParameter

import pixelbake
from pipeline.digits import digit_examples, write_digits
from pipeline.local_runner import run_locally
from pipeline.pipeline import MIN_ACCURACY, create_components
from tests.e2e.fresh_process import ask

pytestmark = [pytest.mark.slow, pytest.mark.tfx]

CONFIG = Path(__file__).parents[2] / "pipeline" / "configs" / "digits.yaml"
TRAIN_STEPS = 400


@pytest.fixture(scope="module")
def recipe():
    return pixelbake.recipe_from_yaml(CONFIG)


@pytest.fixture(scope="module")
def run(tmp_path_factory, recipe):
    """Runs the demo's pipeline with stock Transform, StatisticsGen and BulkInferrer beside it."""
    root = tmp_path_factory.mktemp("pipeline")
    write_digits(root / "data")
    parts = create_components(
        data=RuntimeParameter(name="data", ptype=str, default=str(root / "data")),
        recipe=RuntimeParameter(name="recipe", ptype=str, default=recipe.to_json()),
        serving=root / "serving",
        train_steps=TRAIN_STEPS,
        beam_args=["--direct_running_mode=multi_threading", "--direct_num_workers=2"],
    )
    examples = parts["example_gen"].outputs["examples"]
    parts["stock_transform"] = tfx.components.Transform(
        examples=examples,
        schema=parts["schema_gen"].outputs["schema"],
        preprocessing_fn="tests.e2e.stock_transform.preprocessing_fn",
    )
    parts["transformed_statistics"] = tfx.components.StatisticsGen(
        examples=parts["transform"].outputs["transformed_examples"]
    ).with_id("TransformedStatistics")
    parts["bulk_inferrer"] = tfx.components.BulkInferrer(
        examples=examples,
        model=parts["trainer"].outputs["model"],
        model_blessing=parts["evaluator"].outputs["blessing"],
        data_spec=tfx.proto.DataSpec(example_splits=["eval"]),
        model_spec=tfx.proto.ModelSpec(model_signature_name=["serving_default"]),
    )
    run_locally(parts, root)
    return root


def artifact(run: Path, component: str, output: str) -> Path:
    (folder,) = (run / "artifacts" / component / output).iterdir()
    return folder


def pushed(run: Path) -> Path:
    (folder,) = (run / "serving").iterdir()
    return folder


def gzip_records(folder: Path) -> list[bytes]:
    files = sorted(str(path) for path in folder.iterdir())
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def test_the_model_is_good_enough_and_so_it_is_pushed(run):
    evaluation = tfma.load_eval_result(str(artifact(run, "Evaluator", "evaluation")))
    accuracy = evaluation.get_metrics_for_slice()["sparse_categorical_accuracy"]["doubleValue"]
    assert accuracy >= MIN_ACCURACY
    assert (pushed(run) / "saved_model.pb").is_file()


def test_the_transformed_examples_bring_their_report(run):
    page = artifact(run, "PixelTransform", "transformed_examples") / "report.html"
    assert "as stored" in page.read_text()


def test_every_scan_is_transformed_and_the_manifest_says_so(run):
    manifest = pixelbake.read_manifest(str(artifact(run, "PixelTransform", "transformed_examples")))
    counts = {split: (c.read, c.written, c.quarantined) for split, c in manifest.splits.items()}
    assert counts == {"train": (1347, 1347, 0), "eval": (450, 450, 0)}


def test_the_transformed_examples_have_the_name_and_the_format_that_stock_trainers_read(run):
    folder = artifact(run, "PixelTransform", "transformed_examples") / "Split-eval"
    output = tft.TFTransformOutput(str(artifact(run, "PixelTransform", "transform_graph")))
    spec = output.transformed_feature_spec()
    parsed = [tf.io.parse_single_example(r, spec) for r in gzip_records(folder)]
    assert len(parsed) == 450
    assert sorted(parsed[0]) == ["image", "label"]
    labels = [e.features.feature["label"].int64_list.value[0] for e in digit_examples()["eval"]]
    assert sorted(int(p["label"]) for p in parsed) == sorted(labels)


def test_stock_transform_makes_the_same_examples_of_the_same_recipe(run):
    ours = artifact(run, "PixelTransform", "transformed_examples")
    stock = artifact(run, "Transform", "transformed_examples")
    for split in ("Split-train", "Split-eval"):
        a = {
            tf.train.Example.FromString(r).SerializeToString(deterministic=True)
            for r in gzip_records(ours / split)
        }
        b = {
            tf.train.Example.FromString(r).SerializeToString(deterministic=True)
            for r in gzip_records(stock / split)
        }
        assert a == b


def test_stock_statistics_gen_reads_the_transformed_examples(run):
    import tensorflow_data_validation as tfdv

    folder = artifact(run, "TransformedStatistics", "statistics") / "Split-eval"
    (file,) = folder.iterdir()
    (dataset,) = tfdv.load_stats_binary(str(file)).datasets
    assert dataset.num_examples == 450


def test_bulk_inferrer_gives_every_raw_scan_the_answer_that_the_served_model_gives(run):
    folder = artifact(run, "BulkInferrer", "inference_result")
    examples, answers = [], []
    for record in gzip_records(folder):
        log = prediction_log_pb2.PredictionLog.FromString(record).predict_log
        examples.append(log.request.inputs["examples"].string_val[0])
        answers.append(tf.make_ndarray(log.response.outputs["outputs"])[0])
    assert len(examples) == 450
    served = ask(pushed(run), "serving_default", examples=examples)["outputs"]
    np.testing.assert_allclose(np.stack(answers), served, atol=1e-6)


def test_the_pushed_model_is_right_about_scans_sent_as_bytes(run):
    features = [e.features.feature for e in digit_examples()["eval"]]
    images = [f["image"].bytes_list.value[0] for f in features]
    labels = np.array([f["label"].int64_list.value[0] for f in features])
    answers = ask(pushed(run), "serve_image_bytes", image_bytes=images)["outputs"]
    assert np.mean(answers.argmax(1) == labels) >= MIN_ACCURACY


def test_serving_sees_the_very_bytes_that_the_trainer_read(run):
    raw = gzip_records(artifact(run, "ImportExampleGen", "examples") / "Split-eval")
    served = ask(pushed(run), "transform_features", examples=raw)["image"]
    trained = gzip_records(artifact(run, "PixelTransform", "transformed_examples") / "Split-eval")
    read = [
        tf.train.Example.FromString(r).features.feature["image"].bytes_list.value[0]
        for r in trained
    ]
    assert list(served) == read


def test_the_books_stand_in_the_run_s_metadata(run):
    config = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(run / "metadata.sqlite")
    )
    from tfx.orchestration.metadata import Metadata

    with Metadata(config) as handle:
        quarantine = handle.store.get_artifacts_by_type("pixelbake.Quarantine")
    (found,) = quarantine
    assert found.custom_properties["read"].int_value == 1797
    assert found.custom_properties["quarantined"].int_value == 0
    assert json.loads(found.custom_properties["reasons"].string_value) == {}
