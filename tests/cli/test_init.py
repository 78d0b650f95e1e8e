"""`pixelbake init` and `inspect`, called in this process."""

import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image

from pixelbake.cli.init import init
from pixelbake.cli.inspect import inspect
from pixelbake.errors import ConfigError, InputError, OutputError
from pixelbake.job import JobConfig, job_from_yaml, plan_shards, run_job
from pixelbake.job_draft import split_patterns
from pixelbake.recipe import Recipe
from tests.intake.encoded_images import oriented
from tests.job.inputs import DIGITS, PHOTOS, example, records_in, write
from tests.job.object_store import ObjectStore


def invoke(command, *args: str) -> str:
    done = CliRunner().invoke(command, list(args), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for n in range(2):
        records = [
            example(
                photo=PHOTOS[i] if i else DIGITS[0],
                label=i,
                box=[0.5, 1.0],
                tags=("bytes", [b"a"] * i),
                name=b"\xff: '\"\n#",
            )
            for i in range(3)
        ]
        write(tmp_path / "data" / f"train-{n:05d}-of-00002.tfrecord", records)
    write(tmp_path / "data" / "validation.tfrecord", records)
    return tmp_path


def test_a_draft_loads_and_names_what_the_records_hold(folder):
    assert invoke(init, "data") == "job.yaml\n"
    config = job_from_yaml("job.yaml")
    recipe = config.recipe
    assert recipe.image == "photo"
    assert (recipe.resize.height, recipe.resize.width) == (224, 224)
    found = {name: (one.dtype, one.shape) for name, one in recipe.passthrough.items()}
    assert found == {
        "label": ("int64", ()),
        "box": ("float32", (2,)),
        "tags": ("bytes", None),
        "name": ("bytes", ()),
    }
    tasks = plan_shards(config.input)
    assert [(t.split, t.of) for t in tasks] == [("train", 2), ("train", 2), ("eval", 1)]


def test_gray_images_of_one_size_keep_both_and_a_model_knows_the_size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "scans", [example(image=image) for image in DIGITS[:3]])
    invoke(init, "scans")
    recipe = job_from_yaml("job.yaml").recipe
    assert recipe.output_shape == (32, 32, 1)


def test_photos_that_lie_on_a_side_are_turned_upright(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "photos", [example(image=oriented(n)) for n in (1, 6)])
    invoke(init, "photos")
    recipe = job_from_yaml("job.yaml").recipe
    assert recipe.decode.exif_orientation
    assert recipe.resize.height == recipe.resize.width  # neither of the two is kept
    assert "# turned upright; 1 are not" in (tmp_path / "job.yaml").read_text()


@pytest.mark.parametrize(("image", "kind"), [(PHOTOS[0], "JPEG"), (DIGITS[0], "PNG")])
@pytest.mark.parametrize("command", [init, inspect])
def test_an_image_in_place_of_a_tfrecord_file_is_told(command, image, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo").write_bytes(image)
    message = rf"photo is a {kind} image, no TFRecord file. .*init --from-folder"
    with pytest.raises(InputError, match=message):
        invoke(command, "photo")


@pytest.mark.parametrize(
    ("files", "patterns"),
    [
        (["train-00000-of-00002", "train-00001-of-00002"], {"train": "train-*"}),
        (["Split-train/a-0.gz", "Split-train/a-1.gz"], {"train": "Split-train/a-*.gz"}),
        (["train.tfrecord", "test.tfrecord"], {"train": "train.tfrecord", "test": "test.tfrecord"}),
        (["strain-0", "x-1"], {"data": "*"}),
        (["val/a-1.tfrecord", "val/b.tfrecord"], {"eval": "val/*.tfrecord"}),
    ],
)
def test_splits_are_guessed_from_names(tmp_path, files, patterns):
    for file in files:
        write(tmp_path / file, [])
    assert split_patterns([str(tmp_path / file) for file in files], tmp_path) == patterns


def test_a_folder_of_photos_becomes_records_and_a_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for n, image in enumerate(PHOTOS):
        path = tmp_path / "photos" / ("red" if n % 2 else "blue") / f"{n}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    gif = io.BytesIO()
    Image.new("L", (9, 9)).save(gif, "GIF")
    (tmp_path / "photos" / "red" / "a.gif").write_bytes(gif.getvalue())
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    said = invoke(init, "--from-folder", "photos")
    counts = {s: len(records_in(f"data/{s}-00000.tfrecord")) for s in ("train", "eval")}
    assert (
        said == f"{counts['train']} photos for train, {counts['eval']} photos for eval\njob.yaml\n"
    )
    assert sum(counts.values()) == len(PHOTOS) + 1
    assert "JPEG, and 1 that will be quarantined;" in (tmp_path / "job.yaml").read_text()
    config = job_from_yaml("job.yaml")
    assert {"label", "class", "file"} == set(config.recipe.passthrough)
    with pytest.raises(InputError, match="holds TFRecords already"):
        invoke(init, "--from-folder", "photos", "-o", "other.yaml")


def test_what_cannot_be_drafted_is_told(folder):
    write(folder / "text", [example(words=b"no image")])
    with pytest.raises(InputError, match=r"holds JPEG or PNG images. Found: words: bytes, one"):
        invoke(init, "text")
    with pytest.raises(ConfigError, match="name TFRecord files"):
        invoke(init)
    (folder / "job.yaml").write_text("")
    with pytest.raises(OutputError, match="there already"):
        invoke(init, "data")


def test_inspect_tells_what_files_hold(folder):
    path = "data/validation.tfrecord"
    said = invoke(inspect, path)
    assert "  photo: images: 2 JPEG, 1 PNG; 32 x 32 to 224 x 224 pixels\n" in said
    assert "  label: int64, one value, such as 0, 1, 2\n" in said
    found = json.loads(invoke(inspect, path, "--json"))
    assert found["records"] == 3
    assert found["features"]["photo"]["images"] == {"jpeg": 2, "png": 1}
    damaged = (folder / path).read_bytes()[:-5]
    (folder / "cut").write_bytes(damaged)
    assert "damage, file_truncated: 1" in invoke(inspect, "cut")


def test_a_pattern_matches_no_file_beside_those_that_were_named(tmp_path):
    for name in ("a-1", "a-2", "a-3"):
        write(tmp_path / name, [])
    named = [str(tmp_path / name) for name in ("a-1", "a-3")]
    assert split_patterns(named, tmp_path) == {"data": ["a-1", "a-3"]}


def test_a_draft_names_files_of_an_object_store_as_they_are_called_there(folder, tmp_path):
    (tmp_path / "objects").mkdir()
    store = ObjectStore.empty(tmp_path / "objects")
    for path in sorted((folder / "data").iterdir()):
        store.put(f"objects://b/data/{path.name}", path.read_bytes())
    invoke(init, "objects://b/data/*", "data/*", "-o", "both.yaml")
    both = job_from_yaml("both.yaml").input
    local = [f"{folder}/data/train-{n:05d}-of-00002.tfrecord" for n in range(2)]
    remote = [f"objects://b/data/train-{n:05d}-of-00002.tfrecord" for n in range(2)]
    assert list(both["train"]) == [*remote, *local]
    invoke(init, "objects://b/data/*")
    config = job_from_yaml("job.yaml")
    assert config.input == {
        "train": ("objects://b/data/train-*.tfrecord",),
        "eval": ("objects://b/data/validation.tfrecord",),
    }
    manifest = run_job(config.model_copy(update={"output": "objects://o/run"}))
    assert {split: counts.written for split, counts in manifest.splits.items()} == {
        "train": 6,
        "eval": 3,
    }


def test_files_in_several_buckets_are_named_one_by_one(tmp_path):
    (tmp_path / "objects").mkdir()
    store = ObjectStore.empty(tmp_path / "objects")
    files = [store.put(f"objects://{bucket}/x-1", b"") for bucket in "ab"]
    store.put("objects://c/x-1", b"")
    assert split_patterns(files, tmp_path) == {"data": files}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data/x-*", r"no file matches 'data/x-\*'"),
        ("objects://none/*", r"no file matches 'objects://none/\*'"),
        ("nowhere://b/x", "nowhere://b/x can't be looked up: Unable to get filesystem"),
        ("empty", "the folder empty holds no files"),
    ],
)
def test_data_that_is_not_there_is_told_and_nothing_drafted(path, message, folder, tmp_path):
    for name in ("objects", "empty"):
        (tmp_path / name).mkdir()
    ObjectStore.empty(tmp_path / "objects")
    with pytest.raises(InputError, match=message):
        invoke(init, path)
    assert not (folder / "job.yaml").exists()


def test_inspect_looks_into_an_object_store_for_files_and_for_runs(folder, tmp_path):
    (tmp_path / "objects").mkdir()
    store = ObjectStore.empty(tmp_path / "objects")
    for path in sorted((folder / "data").iterdir()):
        store.put(f"objects://b/{path.name}", path.read_bytes())
    local = [f"data/train-{n:05d}-of-00002.tfrecord" for n in range(2)]
    assert invoke(inspect, "objects://b/train-*", "--json") == invoke(inspect, *local, "--json")
    assert "1 file, the first 3 records" in invoke(inspect, "objects://b/validation.tfrecord")
    recipe = Recipe(image="photo")
    run_job(JobConfig(input={"all": "objects://b/train-*"}, output="objects://o/r", recipe=recipe))
    assert "all: 6 read, 6 written, 0 quarantined" in invoke(inspect, "objects://o/r")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data", r"data is a folder. Name its files, such as data/\*"),
        ("data/x-*", r"no file matches 'data/x-\*'"),
        ("objects://none/*", r"no file matches 'objects://none/\*'"),
        ("nowhere://b/x", "nowhere://b/x can't be looked up: Unable to get filesystem"),
    ],
)
def test_what_is_neither_a_run_nor_files_is_told(path, message, folder, tmp_path):
    (tmp_path / "objects").mkdir()
    ObjectStore.empty(tmp_path / "objects")
    with pytest.raises(InputError, match=message):
        invoke(inspect, path)
