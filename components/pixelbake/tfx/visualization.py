"""Shows the report of transformed Examples, and that of a verdict, in a notebook."""

from __future__ import annotations

import html

from tfx import types
from tfx.orchestration.experimental.interactive import visualizations
from tfx.types import standard_artifacts

from pixelbake.files import read_text
from pixelbake.report import REPORT_FILE

__all__ = ["ReportVisualization", "register_visualization"]


class ReportVisualization(visualizations.ArtifactVisualization):
    """What `context.show(transform.outputs["transformed_examples"])` displays."""

    ARTIFACT_TYPE = standard_artifacts.Examples

    def display(self, artifact: types.Artifact) -> None:
        """Displays the artifact's `report.html`; those of other components have none."""
        from IPython.display import HTML, display

        page = read_text(f"{artifact.uri}/{REPORT_FILE}")
        if page is not None:
            frame = (
                f'<iframe sandbox title="pixelbake report" srcdoc="{html.escape(page)}" '
                'style="width: 100%; height: 720px; border: 0"></iframe>'
            )
            display(HTML(frame))


class VerdictVisualization(ReportVisualization):
    """What `context.show(serving_check.outputs["blessing"])` displays."""

    ARTIFACT_TYPE = standard_artifacts.InfraBlessing


def register_visualization() -> None:
    """Makes TFX's notebook context use them."""
    for kind in (ReportVisualization, VerdictVisualization):
        visualizations.get_registry().register(kind)
