import re

import pytest

pytestmark = pytest.mark.tfx
pytest.importorskip("tfx")


@pytest.fixture
def displayed(tmp_path):
    """What the notebook context's own registry displays of Examples at `tmp_path`."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from tfx.orchestration.experimental.interactive import visualizations
    from tfx.types import standard_artifacts

    import pixelbake.tfx  # noqa: F401

    InteractiveShell.instance()  # without one nothing is displayed

    def display() -> str:
        examples = standard_artifacts.Examples()
        examples.uri = str(tmp_path)
        with capture_output() as captured:
            visualizations.get_registry().get_visualization("Examples").display(examples)
        return captured.outputs[0].data["text/html"] if captured.outputs else captured.stdout

    yield display
    InteractiveShell.clear_instance()


def test_the_notebook_context_shows_the_report_in_a_frame_of_its_own(displayed, tmp_path):
    (tmp_path / "report.html").write_text('<h1 class="a">runs</h1>')
    assert re.search(r'<iframe sandbox .*srcdoc="&lt;h1 class=&quot;a&quot;&gt;runs', displayed())


def test_examples_of_other_components_show_nothing(displayed):
    assert displayed() == ""
