"""Files made to harm whoever opens them, and files that are simply broken."""

import zipfile

import h5py
import numpy as np
import pytest

from pixelbake.errors import RecipeError
from pixelbake.recipe import layers_from_keras_file
from pixelbake.recipe.keras_file import MAX_MEMBERS, MAX_RATIO, RATIO_FROM_BYTES
from tests.recipe.keras_files import (
    change_config,
    change_weights,
    members_of,
    save,
    sequential,
    write_members,
)


@pytest.fixture
def honest(tmp_path):
    return save(sequential(), tmp_path)


def error_of(path):
    with pytest.raises(RecipeError) as caught:
        layers_from_keras_file(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_rewritten_honest_file_is_still_taken(honest):
    expected = layers_from_keras_file(honest)
    write_members(honest, list(members_of(honest).items()), zipfile.ZIP_DEFLATED)
    assert layers_from_keras_file(honest) == expected
    assert layers_from_keras_file(change_config(honest, lambda _: None)) == expected
    assert layers_from_keras_file(change_weights(honest, lambda _: None)) == expected


def test_too_many_members_are_refused(honest):
    members = list(members_of(honest).items())
    spare = MAX_MEMBERS - len(members)
    more = [(f"assets/{i}", b"x") for i in range(spare + 1)]
    write_members(honest, members + more[:-1])
    assert len(layers_from_keras_file(honest)) == 4
    write_members(honest, members + more)
    assert f"has {MAX_MEMBERS + 1} members; at most {MAX_MEMBERS}" in error_of(honest)


@pytest.mark.parametrize("name", ["model.weights.h5", "config.json", "assets/zeros"])
def test_a_member_that_unpacks_to_a_multiple_of_its_size_is_refused(honest, name):
    members = {**members_of(honest), name: bytes(2 * RATIO_FROM_BYTES)}
    write_members(honest, list(members.items()), zipfile.ZIP_DEFLATED)
    assert honest.stat().st_size * MAX_RATIO < 10 * 2 * RATIO_FROM_BYTES
    message = error_of(honest)
    assert f"{name} unpacks to " in message
    assert f"at most {MAX_RATIO:.0f} times is read" in message


def test_a_small_member_may_be_packed_tightly(honest):
    members = [*members_of(honest).items(), ("assets/zeros", bytes(RATIO_FROM_BYTES))]
    write_members(honest, members, zipfile.ZIP_DEFLATED)
    assert len(layers_from_keras_file(honest)) == 4


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(honest, tmp_path):
    noise = np.random.default_rng(0).bytes(2**20)
    with zipfile.ZipFile(honest, "a") as archive, archive.open("assets/x", "w") as member:
        for _ in range(512):
            member.write(noise)
    message = error_of(honest)
    honest.unlink()
    assert f"unpacks to more than {512 * 2**20} bytes" in message


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "metadata.json"])
def test_a_member_that_is_there_twice_is_refused(honest, name):
    members = members_of(honest)
    write_members(honest, [*members.items(), (name, members[name])])
    message = error_of(honest)
    assert "has two members of one name" in message
    assert message.count(name) == 2


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_missing_member_is_refused(honest, name):
    write_members(honest, [(n, data) for n, data in members_of(honest).items() if n != name])
    assert f"is no .keras file: it lacks {name}." in error_of(honest)


def test_an_empty_zip_lacks_both_members(tmp_path):
    path = write_members(tmp_path / "empty.keras", [])
    assert "it lacks config.json, model.weights.h5" in error_of(path)


@pytest.mark.parametrize("data", [b"", b"no zip file", b"PK\x03\x04 and nothing more", bytes(1000)])
def test_what_is_no_zip_file_is_refused(data, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    assert "can't be loaded as a .keras file: File is not a zip file" in error_of(path)


def test_a_file_cut_short_or_damaged_inside_is_refused(honest):
    whole = honest.read_bytes()
    honest.write_bytes(whole[: len(whole) // 2])
    assert "can't be loaded" in error_of(honest)
    damaged = bytearray(whole)
    damaged[whole.index(b"model.weights.h5") + 500] ^= 0xFF
    honest.write_bytes(damaged)
    assert "CRC" in error_of(honest)


def test_a_missing_file_a_folder_and_another_suffix_are_refused(honest, tmp_path):
    assert "no such file" in error_of(tmp_path / "none.keras")
    (tmp_path / "folder.keras").mkdir()
    assert "directory" in error_of(tmp_path / "folder.keras")
    other = honest.rename(tmp_path / "model.h5")
    assert "expected a .keras file" in error_of(other)


def test_weights_behind_an_external_link_are_refused(honest, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["vars"] = np.ones(3)

    def link(file):
        file["layers/conv2d/elsewhere"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "vars")

    assert "its weights link elsewhere (elsewhere)" in error_of(change_weights(honest, link))


def test_weights_behind_a_soft_link_are_refused(honest):
    def link(file):
        file["soft"] = h5py.SoftLink("/layers")

    assert "its weights link elsewhere (soft)" in error_of(change_weights(honest, link))


def test_weights_stored_in_another_file_are_refused(honest, tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(12))

    def store(file):
        file.create_dataset("raw", (3,), "f4", external=[(str(secret), 0, 12)])

    assert "its weights are stored elsewhere (raw)" in error_of(change_weights(honest, store))


def test_a_virtual_dataset_is_refused(honest):
    def store(file):
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource("secret.h5", "vars", (3,))
        file.create_virtual_dataset("virtual", layout)

    assert "its weights are stored elsewhere (virtual)" in error_of(change_weights(honest, store))


def test_groups_that_contain_themselves_are_refused(honest):
    def loop(file):
        file["layers/loop"] = file["layers"]

    assert "can't be loaded" in error_of(change_weights(honest, loop))


def test_weights_that_are_no_hdf5_are_refused(honest):
    members = {**members_of(honest), "model.weights.h5": b"no HDF5"}
    assert "can't be loaded" in error_of(write_members(honest, list(members.items())))


def test_weights_of_another_shape_are_refused(honest):
    def cut(file):
        at = next(n for n in file["layers"] if n.startswith("conv2d"))
        del file[f"layers/{at}/vars/0"]
        file[f"layers/{at}/vars/0"] = np.zeros((1, 1, 3, 3), np.float32)

    assert "can't be loaded" in error_of(change_weights(honest, cut))


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"null", b"[]", b"3", b"{}", b'"Sequential"'])
def test_a_config_that_describes_no_model_is_refused(honest, text):
    members = {**members_of(honest), "config.json": text}
    error_of(write_members(honest, list(members.items())))


@pytest.mark.parametrize("name", ["Model", "Conv2D", "Lambda", None, 3])
def test_a_model_of_another_class_is_refused(honest, name):
    path = change_config(honest, lambda config: config.update(class_name=name))
    assert f"holds a {name}; a recipe takes a Sequential or a functional model" in error_of(path)


def lambda_inside(config):
    hidden = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    config["config"]["layers"][2]["config"]["activation"] = {**hidden, "config": {}}


def call_the_shell(config):
    layer = config["config"]["layers"][1]
    layer.update(module="os", class_name="system", registered_name=None, config={"command": "id"})


def borrow_a_name(config):
    layer = config["config"]["layers"][1]
    layer.update(module="os", class_name="system", registered_name="pixelbake>Brightness")


def layers_as_text(config):
    config["config"]["layers"] = ["Brightness"]


@pytest.mark.parametrize("change", [lambda_inside, call_the_shell, layers_as_text])
def test_a_config_changed_by_hand_is_refused(honest, change):
    error_of(change_config(honest, change))


def test_a_borrowed_registered_name_gives_the_registered_class_and_nothing_else(honest):
    layers = layers_from_keras_file(change_config(honest, borrow_a_name))
    assert layers[0].layer == "Brightness"
    assert layers[0].config == {"factor": 1.2, "value_range": [0.0, 1.0]}
