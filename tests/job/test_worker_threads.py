import os
import pickle
import subprocess
import sys

import pytest
import tensorflow as tf

from pixelbake.job.run_folders import RunFolders
from pixelbake.job.transform_images import TransformImages
from pixelbake.layers import GaussianBlur
from pixelbake.recipe import Recipe
from pixelbake.transform_graph import write_transform_graph

WORKER = """
import pickle, sys
import tensorflow as tf
pickle.load(open(sys.argv[1], "rb")).setup()
print("threads an op:", tf.config.threading.get_intra_op_parallelism_threads())
"""


@pytest.fixture(scope="module")
def do_fn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    recipe = Recipe(layers=[GaussianBlur(5, 2.0)])
    write_transform_graph(recipe, str(folder / "graph"))
    folders = RunFolders(str(folder / "graph"), str(folder / "examples"), str(folder / "bad"), "")
    (folder / "do_fn").write_bytes(pickle.dumps(TransformImages(recipe, folders)._do_fn))
    return folder / "do_fn"


@pytest.mark.parametrize(("said", "threads"), [({}, 1), ({"TF_NUM_INTRAOP_THREADS": "3"}, 0)])
def test_a_worker_process_has_one_thread_an_op_unless_the_environment_says_so(do_fn, said, threads):
    environment = {k: v for k, v in os.environ.items() if k != "TF_NUM_INTRAOP_THREADS"} | said
    worker = subprocess.run(
        [sys.executable, "-c", WORKER, str(do_fn)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"threads an op: {threads}" in worker.stdout, worker.stderr


def test_the_drivers_own_process_keeps_its_threads(do_fn):
    before = tf.config.threading.get_intra_op_parallelism_threads()
    pickle.loads(do_fn.read_bytes()).setup()
    assert tf.config.threading.get_intra_op_parallelism_threads() == before
