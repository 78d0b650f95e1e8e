import subprocess
import sys

import pytest

import pixelbake

#: Written out on purpose: a name that is added or taken away is a promise made or broken.
NAMES = [
    "JobConfig",
    "Recipe",
    "TransformImages",
    "__version__",
    "bake",
    "export_serving_model",
    "fit_recipe",
    "make_preprocessing_fn",
    "read_examples",
    "read_manifest",
    "read_quarantine",
    "recipe_from_yaml",
    "run_job",
    "verify_golden",
    "verify_serving_model",
]
HEAVY = ["tensorflow", "keras", "apache_beam", "tfx", "numpy"]
#: A module takes a millisecond or two to load; TensorFlow alone brings thousands.
MOST_MODULES = {"import pixelbake": 40, "import pixelbake.__main__": 120}


def fresh(code: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_public_names_are_these():
    assert pixelbake.__all__ == NAMES
    assert dir(pixelbake) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_resolves(name):
    value = getattr(pixelbake, name)
    assert isinstance(value, str) if name == "__version__" else callable(value)


def test_layers_are_there_once_the_package_is():
    assert fresh("import pixelbake; print(pixelbake.layers.Brightness.__name__)") == "Brightness"


def test_a_name_that_is_not_there_is_refused_by_name():
    with pytest.raises(AttributeError, match="module 'pixelbake' has no attribute 'run_jobs'"):
        _ = pixelbake.run_jobs


def test_importing_it_loads_none_of_the_heavy_libraries():
    code = f"import sys, pixelbake; print([n for n in {HEAVY} if n in sys.modules])"
    assert fresh(code) == "[]"


def test_importing_the_command_line_loads_none_of_them_either():
    code = f"import sys, pixelbake.cli; print([n for n in {HEAVY} if n in sys.modules])"
    assert fresh(code) == "[]"


@pytest.mark.parametrize("statement", MOST_MODULES)
def test_a_script_or_the_help_of_the_command_starts_with_few_modules(statement):
    code = (
        "import sys; before = set(sys.modules)\n"
        "sys.argv = ['pixelbake', '--help']\n"
        f"try:\n    {statement}\nexcept SystemExit:\n    pass\n"
        "print(len(set(sys.modules) - before))"
    )
    assert 5 < int(fresh(code).split()[-1]) < MOST_MODULES[statement]


def test_the_version_is_the_installed_one():
    code = "from importlib.metadata import version; print(version('pixelbake'))"
    assert fresh(code) == pixelbake.__version__
