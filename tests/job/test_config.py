import pytest
from pydantic import ValidationError

from pixelbake.errors import ConfigError
from pixelbake.job.config import JobConfig, Limits, job_from_yaml
from pixelbake.layers import Brightness
from pixelbake.recipe import Recipe, Resize
from tests.job.object_store import ObjectStore
from tests.recipe.keras_files import save, sequential

INPUT = "input: {train: 'train/*.tfrecord'}\n"
OUTPUT = "output: out\n"
RECIPE = "recipe: {}\n"

WHOLE = """\
input:
  train: train-*.tfrecord
  eval: ../eval/part-?
output: runs/first
recipe:
  resize: {height: 8, width: 9}
  layers:
    - {layer: Brightness, config: {factor: 1.2}}
limits:
  max_bad_records: 3
  max_bad_fraction: 1
  allow_damaged_files: true
  max_image_pixels: 1_000
  max_image_bytes: 2000
  max_record_bytes: 3000
"""


def write(folder, text, name="job.yaml"):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def error_of(path):
    with pytest.raises(ConfigError) as caught:
        job_from_yaml(path)
    return str(caught.value)


def test_a_file_with_every_key_equals_the_job_in_python(tmp_path):
    assert job_from_yaml(write(tmp_path, WHOLE)) == JobConfig(
        input={"train": f"{tmp_path}/train-*.tfrecord", "eval": f"{tmp_path}/../eval/part-?"},
        output=f"{tmp_path}/runs/first",
        recipe=Recipe(resize=Resize(height=8, width=9), layers=[Brightness(1.2)]),
        limits=Limits(
            max_bad_records=3,
            max_bad_fraction=1.0,
            allow_damaged_files=True,
            max_image_pixels=1000,
            max_image_bytes=2000,
            max_record_bytes=3000,
        ),
    )


def test_limits_may_be_left_out(tmp_path):
    job = job_from_yaml(write(tmp_path, INPUT + OUTPUT + RECIPE))
    assert job.limits == Limits(
        max_bad_records=None,
        max_bad_fraction=0.01,
        allow_damaged_files=False,
        max_image_pixels=25_000_000,
        max_image_bytes=67_108_864,
        max_record_bytes=134_217_728,
    )


def test_one_pattern_stands_for_a_tuple_of_one():
    job = JobConfig(input={"train": "a", "eval": ("b", "c")}, output="o", recipe=Recipe())
    assert job.input == {"train": ("a",), "eval": ("b", "c")}


def test_a_split_may_have_several_patterns(tmp_path):
    path = write(tmp_path, "input:\n  train: [a, /b, gs://c/d]\n" + OUTPUT + RECIPE)
    assert job_from_yaml(path).input == {"train": (f"{tmp_path}/a", "/b", "gs://c/d")}


def test_relative_paths_start_at_the_yaml_file_wherever_the_process_is(tmp_path, monkeypatch):
    write(tmp_path / "jobs", INPUT + OUTPUT + RECIPE)
    monkeypatch.chdir(tmp_path)
    job = job_from_yaml("jobs/job.yaml")
    assert job.input == {"train": (f"{tmp_path}/jobs/train/*.tfrecord",)}
    assert job.output == f"{tmp_path}/jobs/out"
    monkeypatch.chdir(tmp_path / "jobs")
    assert job_from_yaml("job.yaml") == job


@pytest.mark.parametrize("path", ["/data/x-*", "gs://bucket/x-*", "hdfs://host/x-*"])
def test_absolute_paths_and_addresses_stay_as_they_are(path, tmp_path):
    text = f"input: {{train: '{path}'}}\noutput: '{path}'\n" + RECIPE
    job = job_from_yaml(write(tmp_path, text))
    assert job.input == {"train": (path,)}
    assert job.output == path


def test_the_recipes_keras_file_is_beside_the_yaml_file_too(tmp_path, monkeypatch):
    model = sequential()
    folder = tmp_path / "jobs"
    text = INPUT + OUTPUT + "recipe:\n  layers: {keras_file: model.keras}\n"
    path = write(folder, text)
    save(model, folder)
    monkeypatch.chdir(tmp_path)
    assert job_from_yaml(path).recipe == Recipe(layers=model.layers)


@pytest.mark.parametrize("name", ["train", "Train_2", "a-b", "1", "été"])
def test_a_split_name_has_letters_digits_dashes_and_underscores(name, tmp_path):
    path = write(tmp_path, f"input: {{{name}: a}}\n" + OUTPUT + RECIPE)
    assert list(job_from_yaml(path).input) == [name]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a.b", "*", "-", "a\\n", "/tmp"])
def test_another_split_name_is_refused_with_file_line_key_and_itself(name, tmp_path):
    path = write(tmp_path, OUTPUT + f'input:\n  "{name}": a\n' + RECIPE)
    message = error_of(path)
    assert message.startswith(f"{path}, line 3, input.")
    assert ": a split's name has letters, digits, " in message
    assert message.endswith(f"Received: '{name}'.")


def test_a_split_without_patterns_is_refused():
    told = r"^JobConfig, input\.eval: split 'eval' needs at least one file pattern\. Received: "
    with pytest.raises(ConfigError, match=told):
        JobConfig(input={"train": "a", "eval": ()}, output="o", recipe=Recipe())


def test_an_empty_pattern_is_refused(tmp_path):
    assert "train" in error_of(write(tmp_path, "input: {train: ''}\n" + OUTPUT + RECIPE))


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("max_bad_records", "-1", "greater than or equal to 0. Received: -1"),
        ("max_bad_records", "1.5", "a valid integer. Received: 1.5"),
        ("max_bad_records", "true", "a valid integer. Received: True"),
        ("max_bad_fraction", "1.01", "less than or equal to 1. Received: 1.01"),
        ("max_bad_fraction", "-0.1", "greater than or equal to 0. Received: -0.1"),
        ("max_bad_fraction", ".nan", "a finite number. Received: nan"),
        ("max_bad_fraction", "1%", "a valid number. Received: '1%'"),
        ("max_bad_fraction", "null", "a valid number. Received: None"),
        ("allow_damaged_files", "1", "a valid boolean. Received: 1"),
        ("max_image_pixels", "0", "greater than or equal to 1. Received: 0"),
        ("max_image_bytes", "0", "greater than or equal to 1. Received: 0"),
        ("max_record_bytes", "0", "greater than or equal to 1. Received: 0"),
        ("max_record_bytes", "2147483648", "less than or equal to 2147483647. Received: 21474"),
        ("max_bad_file", "1", "unknown key. Received: 1"),
    ],
)
def test_a_bad_limit_is_refused_with_file_line_key_and_itself(limit, value, message, tmp_path):
    text = INPUT + OUTPUT + RECIPE + f"limits:\n  # a comment\n  {limit}: {value}\n"
    path = write(tmp_path, text)
    error = error_of(path)
    assert error.startswith(f"{path}, line 6, limits.{limit}: ")
    assert message in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OUTPUT + RECIPE, "line 1, input: Field required"),
        (INPUT + RECIPE, "line 1, output: Field required"),
        (INPUT + OUTPUT, "line 1, recipe: Field required"),
        (OUTPUT + "input: {}\n" + RECIPE, "line 2, input: Dictionary should have at least 1"),
        (OUTPUT + "input: a\n" + RECIPE, "line 2, input: Input should be a valid dictionary"),
        (OUTPUT + "input:\n  train: 5\n" + RECIPE, "line 3, input.train: Input should be"),
        (INPUT + "output: ''\n" + RECIPE, "line 2, output: String should have at least 1"),
        (INPUT + "output: 3\n" + RECIPE, "line 2, output: Input should be a valid string"),
        (INPUT + OUTPUT + RECIPE + "limit: 3\n", "line 4, limit: unknown key. Received: 3"),
        (INPUT + OUTPUT + RECIPE + "output: b\n", 'line 4: found duplicate key "output"'),
        (INPUT + OUTPUT + "recipe: r.yaml\n", "line 3, recipe: expected the recipe's keys. Rec"),
        (INPUT + OUTPUT + "recipe:\n", "line 3, recipe: expected the recipe's keys. Received: N"),
        (
            INPUT + OUTPUT + "recipe:\n  imag: a\n",
            "line 4, recipe.imag: unknown key. Received: 'a'. Did you mean 'image'? Take one",
        ),
        (INPUT + OUTPUT + "recipe:\n  mask: m\n", "line 4, recipe.mask: no layer uses the mask"),
        (
            INPUT + OUTPUT + "recipe:\n  layers:\n    - layer: Lambda\n",
            "line 5, recipe.layers.0.layer: layer 'Lambda' holds Python code",
        ),
        (
            INPUT + OUTPUT + "recipe:\n  layers: {file: a}\n",
            "line 4, recipe.layers: expected a list of layers, or keras_file",
        ),
    ],
)
def test_a_mistake_is_refused_with_file_line_and_key(text, message, tmp_path):
    path = write(tmp_path, text)
    assert error_of(path).startswith(f"{path}, {message}")


def test_a_missing_keras_file_is_refused_under_its_whole_key(tmp_path):
    text = INPUT + OUTPUT + "recipe:\n  layers: {keras_file: none.keras}\n"
    path = write(tmp_path, text)
    assert error_of(path).startswith(f"{path}, line 4, recipe.layers.keras_file: no such file")


def test_a_missing_yaml_file_is_refused_with_its_name(tmp_path):
    path = tmp_path / "none.yaml"
    assert error_of(path) == f"{path}: No such file or directory"


def test_a_job_can_not_be_changed():
    job = JobConfig(input={"train": "a"}, output="o", recipe=Recipe())
    with pytest.raises(ValidationError, match="frozen"):
        job.output = "elsewhere"
    assert job.output == "o"


@pytest.fixture
def store(tmp_path):
    (tmp_path / "objects").mkdir()
    return ObjectStore.empty(tmp_path / "objects")


def test_a_file_in_an_object_store_is_read_and_its_paths_are_relative_to_it(store):
    path = store.put("objects://jobs/nightly/job.yaml", (INPUT + OUTPUT + RECIPE).encode())
    job = job_from_yaml(path)
    assert job.input == {"train": ("objects://jobs/nightly/train/*.tfrecord",)}
    assert job.output == "objects://jobs/nightly/out"


def test_a_mistake_in_a_file_in_an_object_store_is_told_with_its_address(store):
    path = store.put("objects://jobs/job.yaml", (INPUT + "outptu: x\n" + RECIPE).encode())
    assert error_of(path).splitlines()[0].startswith("objects://jobs/job.yaml, line")
    assert error_of("objects://jobs/none.yaml") == "objects://jobs/none.yaml: no such file."


def test_a_file_in_an_object_store_is_refused_a_keras_file_in_words(store):
    recipe = "recipe:\n  layers: {keras_file: model.keras}\n"
    path = store.put("objects://jobs/job.yaml", (INPUT + OUTPUT + recipe).encode())
    assert "line 4, recipe.layers: a .keras file is read from a local disk only" in error_of(path)
