import subprocess
import sys

import pytest

from pixelbake.errors import ConfigError
from pixelbake.job.config import JobConfig, job_from_yaml
from pixelbake.plain import PlainJob, check_job
from pixelbake.recipe import LayerSpec, Recipe

JOB = """\
input: {train: in/*}
output: run
recipe:
  image: photo
  layers:
    - {layer: Brightness, config: {factor: 1.2}}
limits: {max_bad_fraction: 0.5}
"""
#: What is replaced in the job, by what, and the beginning of what is told of it.
MISTAKES = {
    "key": ("output:", "outptu:", "line 1, output: Field required"),
    "key of a recipe": ("image:", "imag:", "line 4, recipe.imag: unknown key. Received: 'photo'."),
    "key of a layer": ("config:", "confg:", "line 6, recipe.layers.0.confg: unknown key."),
    "value": ("0.5", "1.5", "line 7, limits.max_bad_fraction: Input should be less than or equal"),
    "no layer": ("{layer: Brightness, config: {factor: 1.2}}", "3", "line 6, recipe.layers.0: exp"),
    "split": ("train:", "tr ain:", "line 1, input.tr ain: a split's name has letters, digits,"),
    "range": ("image: photo", "value_range: [0, 2]", "line 4, recipe.value_range: value_range mus"),
}
HEAVY = ["tensorflow", "keras", "apache_beam", "numpy"]


def written(folder, text):
    path = folder / "job.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("read", [check_job, job_from_yaml])
def test_a_wrong_key_or_plain_value_is_told_alike_with_and_without_keras(
    read, old, new, told, tmp_path
):
    assert old in JOB
    path = written(tmp_path, JOB.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, {told}")


@pytest.mark.parametrize(
    "layers",
    [
        "[{layer: Brightness, config: {factor: -1}}]",
        "[{layer: Lambda}]",
        "{keras_file: mask.keras}",
        "[]",
    ],
)
def test_what_layers_have_to_be_made_for_is_left_for_later(layers, tmp_path):
    check_job(written(tmp_path, f"input: {{a: b}}\noutput: c\nrecipe: {{layers: {layers}}}\n"))


def test_a_job_elsewhere_is_left_to_beam():
    check_job("gs://bucket/job.yaml")


@pytest.mark.parametrize("command", ["run", "preview"])
def test_the_command_line_answers_a_wrong_key_before_it_imports_anything_heavy(command, tmp_path):
    path = written(tmp_path, JOB.replace("image:", "imag:"))
    code = (
        "import sys\nfrom pixelbake.cli import main\n"
        f"try:\n    main([{command!r}, {str(path)!r}])\n"
        f"except SystemExit as end:\n    print(end.code, [n for n in {HEAVY} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "recipe.imag: unknown key" in done.stderr
    assert done.stdout.strip() == "2 []"


def test_a_plain_job_has_the_keys_of_the_whole_one():
    plain = PlainJob.model_fields["recipe"].annotation
    assert list(PlainJob.model_fields) == list(JobConfig.model_fields)
    assert list(plain.model_fields) == list(Recipe.model_fields)
    assert set(LayerSpec.model_fields) == {"layer", "config", "weights"}
