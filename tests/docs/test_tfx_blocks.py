"""The lines that attach pixelbake to a TFX pipeline, in a real one over a few scans."""

import re
from functools import partial

import pytest

pytest.importorskip("tfx", reason="this stack has no TFX")

import tensorflow as tf
from tfx import v1 as tfx

from pipeline.digits import digit_examples
from pipeline.local_runner import run_locally
from pipeline.pipeline import import_examples, train_on
from pixelbake.tfx import PixelTransform
from tests.docs.blocks import ROOT, block
from tests.job.inputs import DIGITS, write

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module")
def example_gen(tmp_path_factory):
    data = tmp_path_factory.mktemp("readme") / "data"
    for split, examples in digit_examples().items():
        write(data / f"{split}-0", [one.SerializeToString() for one in examples[:40]])
    return import_examples(data)


@pytest.mark.slow
def test_the_readme_s_lines_make_a_pipeline_that_exports_the_signatures_it_names(
    example_gen, tmp_path
):
    names = {"example_gen": example_gen}
    exec(block("README.md", "transform = PixelTransform("), names)
    trainer = train_on(names["transform"], "tests.docs.readme_trainer.run_fn", train_steps=1)
    run_locally(dict(enumerate([example_gen, names["transform"], trainer])), tmp_path)
    (export,) = (tmp_path / "artifacts" / "Trainer" / "model").glob("*/Format-Serving")
    signatures = tf.saved_model.load(str(export)).signatures
    (told,) = re.findall(r"^The export's signatures: (.*)", (ROOT / "README.md").read_text(), re.M)
    assert all(f"`{name}`" in told for name in signatures)
    assert len(signatures) == 5
    answers = signatures["serve_image_bytes"](image_bytes=tf.constant(DIGITS[:3]))["outputs"]
    assert answers.shape == (3, 10)


def test_the_lines_that_take_transforms_place_connect_it_to_a_trainer(
    example_gen, tmp_path, monkeypatch
):
    (tmp_path / "recipe.yaml").write_text("layers: [{layer: Invert}]")
    monkeypatch.chdir(tmp_path)
    rest = partial(  # what the page leaves to the reader, as `...`
        tfx.components.Trainer,
        run_fn="tests.docs.readme_trainer.run_fn",
        train_args=tfx.proto.TrainArgs(num_steps=1),
        eval_args=tfx.proto.EvalArgs(),
    )
    names = {"example_gen": example_gen, "Trainer": rest}
    text = block("docs/from_transform.md", "trainer = Trainer(")
    assert text.count("    ...\n") == 1
    exec(text.replace("    ...\n", ""), names)
    assert isinstance(names["transform"], PixelTransform)
    inputs = names["trainer"].inputs
    assert inputs["examples"] is names["transform"].outputs["transformed_examples"]
    assert inputs["transform_graph"] is names["transform"].outputs["transform_graph"]
