import re

import pytest

pytestmark = pytest.mark.tfx
pytest.importorskip("tfx")

KINDS = ["Examples", "InfraBlessing"]


@pytest.fixture
def displayed(tmp_path):
    """What the notebook context's own registry displays of an artifact at `tmp_path`."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from tfx.orchestration.experimental.interactive import visualizations
    from tfx.types import standard_artifacts

    import pixelbake.tfx  # noqa: F401

    InteractiveShell.instance()  # without one nothing is displayed

    def display(kind: str) -> str:
        artifact = getattr(standard_artifacts, kind)()
        artifact.uri = str(tmp_path)
        with capture_output() as captured:
            visualizations.get_registry().get_visualization(kind).display(artifact)
        return captured.outputs[0].data["text/html"] if captured.outputs else captured.stdout

    yield display
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("kind", KINDS)
def test_the_notebook_context_shows_the_report_in_a_frame_of_its_own(kind, displayed, tmp_path):
    (tmp_path / "report.html").write_text('<h1 class="a">runs</h1>')
    frame = displayed(kind)
    assert re.search(r'<iframe sandbox .*srcdoc="&lt;h1 class=&quot;a&quot;&gt;runs', frame)


@pytest.mark.parametrize("kind", KINDS)
def test_artifacts_of_other_components_show_nothing(kind, displayed):
    assert displayed(kind) == ""
