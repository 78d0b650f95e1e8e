"""The commands that the README and the pages print, typed in as they stand there."""

import json
import re
import shlex
import shutil
from pathlib import Path

import keras
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

import pixelbake
from pipeline.digits import digit_examples
from pixelbake.cli.run import run
from tests.docs.blocks import ROOT, block, blocks, commands_in, type_in
from tests.job.inputs import PHOTOS, files_in, write

#: The test that runs a block, which is known by a phrase in it.
RUN = {
    "README.md": {
        "--from-folder photos": "test_the_way_from_photos_to_an_export",
        "transform = PixelTransform(": "test_the_readme_s_lines_make_a_pipeline",
        "fn_args.train_files": "test_the_readme_s_lines_make_a_pipeline",
        "keras.Input": "test_the_readme_s_layers_make_a_model",
        "# digits.yaml": "test_the_job_by_itself",
        "--direct_running_mode": "test_the_job_by_itself",
        "pixelbake verify": "test_the_job_by_itself",
        "segmentation": "test_the_yaml_of_a_page_is_taken",
    },
    "docs/consistency.md": {"pixelbake verify": "test_the_job_by_itself"},
    "docs/deployment.md": {
        "--if-changed": "test_the_job_by_itself",
        "pipeline.kubeflow_runner": "test_the_pipeline_is_compiled",
    },
    "docs/from_transform.md": {
        "trainer = Trainer(": "test_the_lines_that_take_transforms_place",
        "preprocessing_fn =": "test_stock_transform_takes_the_page_s_preprocessing_fn",
    },
    "docs/masks.md": {
        "EllipseMask": "test_the_yaml_of_a_page_is_taken",
        "pixelbake.bake(model)": "test_the_page_s_line_bakes_a_mask",
    },
}
#: Why a block is not run. Its commands are only parsed, by whatever will read them.
NOT_RUN = {
    "README.md": {"make demo": "builds an environment; tests/e2e runs the demo's pipeline"},
    "docs/architecture.md": {"TFRecord shard": "a drawing"},
    "docs/deployment.md": {
        "--temp_location": "there is no Dataflow here; tests/deploy has the real job made for it",
        "docker build": "there is neither Docker nor gcloud here",
        "serve.sh": "takes fixed ports; tests/deploy runs the same with ports of its own",
        "--runner=FlinkRunner": "there is no Flink here",
        "--runner=SparkRunner": "there is no Spark here",
    },
    "docs/masks.md": {"ImportExampleGen": "a drawing"},
}
PAGES = [str(path.relative_to(ROOT)) for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_run_or_there_is_a_reason(page):
    phrases = [*RUN.get(page, {}), *NOT_RUN.get(page, {})]
    for _, text in blocks(page):
        assert len([phrase for phrase in phrases if phrase in text]) == 1, text
    assert len(phrases) == len(blocks(page))


def test_the_tests_that_are_said_to_run_blocks_are_there():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for name in (name for page in RUN.values() for name in page.values()):
        assert f"\ndef {name}" in tests


def model_for(run: Path) -> keras.Model:
    """A model that is not trained, for the images of a run."""
    shape = pixelbake.read_examples(str(run), "train").element_spec["image"].shape
    layers = [keras.Input(shape, dtype="uint8"), keras.layers.Rescaling(1 / 255)]
    return keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_way_from_photos_to_an_export(tmp_path):
    for n, image in enumerate(PHOTOS[:12]):
        path = tmp_path / "photos" / ("china" if n % 2 else "flower") / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    *before, export = commands_in(block("README.md", "--from-folder photos"))
    for command in before:
        type_in(tmp_path, command)
    assert (tmp_path / "preview.png").is_file()
    assert (tmp_path / "runs" / "first" / "report.html").is_file()
    model_for(tmp_path / "runs" / "first").save(tmp_path / "model.keras")
    assert type_in(tmp_path, export) == "serving/1\n"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_job_by_itself_in_one_process_and_several_is_consistent_and_left_alone(tmp_path):
    for split, examples in digit_examples().items():
        for n in range(2):
            records = [one.SerializeToString() for one in examples[n:40:2]]
            write(tmp_path / "data" / f"{split}-{n}.tfrecord", records)
    text = block("README.md", "# digits.yaml")
    (tmp_path / "digits.yaml").write_text(text)
    alone, together = commands_in(block("README.md", "--direct_running_mode"))
    type_in(tmp_path, alone)
    written = files_in(tmp_path / "runs" / "digits" / "examples")
    assert len(written) == 4
    type_in(tmp_path, together)
    assert files_in(tmp_path / "runs" / "digits" / "examples") == written

    model = model_for(tmp_path / "runs" / "digits")
    graph = tmp_path / "runs" / "digits" / "transform_graph"
    pixelbake.export_serving_model(model, str(graph), str(tmp_path / "serving" / "1"))
    (verify,) = commands_in(block("README.md", "pixelbake verify"))
    assert commands_in(block("docs/consistency.md", "pixelbake verify")) == [verify]
    assert type_in(tmp_path, verify).startswith("consistent: serving/1 against runs/digits")

    (nightly,) = commands_in(block("docs/deployment.md", "--if-changed"))
    shutil.copy(tmp_path / "digits.yaml", tmp_path / "nightly.yaml")
    printed = type_in(tmp_path, nightly.replace("/etc/pixelbake", str(tmp_path)))
    assert json.loads(printed)["outcome"] == "unchanged, nothing to do"


@pytest.mark.slow
@pytest.mark.tfx
def test_the_pipeline_is_compiled_for_kubeflow(tmp_path):
    pytest.importorskip("tfx", reason="this stack has no TFX")
    (command,) = commands_in(block("docs/deployment.md", "pipeline.kubeflow_runner"))
    assert command.endswith(" ...")
    type_in(tmp_path, f"PYTHONPATH={ROOT}:$PYTHONPATH {command.removesuffix(' ...')}")
    job = json.loads((tmp_path / "digits.json").read_text())
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/pipeline"


@pytest.mark.parametrize(
    "command",
    [
        command
        for page, found in NOT_RUN.items()
        for phrase, why in found.items()
        if why != "a drawing"
        for command in commands_in(block(page, phrase))
    ],
)
def test_what_is_not_run_is_parsed_by_what_would_read_it(command, tmp_path):
    type_in(tmp_path, f"bash -n -c {shlex.quote(command)}")
    program, *args = shlex.split(command)
    if program == "pixelbake":
        assert args.pop(0) == "run"
        parser = _BeamArgumentParser()
        for options in PipelineOptions.__subclasses__():
            options._add_argparse_args(parser)
        flags = run.make_context("run", args).params["beam_args"]
        assert parser.parse_known_args(flags)[1] == []
    elif program == "make":
        type_in(ROOT, f"make --dry-run {shlex.join(args)}")
    else:
        files = [word for word in [program, *args] if word.startswith("deploy/")]
        assert all((ROOT / name).is_file() for name in files)
        metadata = json.loads((ROOT / "deploy" / "dataflow" / "metadata.json").read_text())
        known = {one["name"] for one in metadata["parameters"]}
        for word in (args[args.index("--parameters") + 1] if "--parameters" in args else "",):
            assert set(re.findall(r"(\w+)=", word)) <= known
