"""Rendering of the learning curve chart as SVG."""

from pathlib import Path

from django.template import Context, Engine

from ml.evaluation.learning_curve_chart import CurveChart

TEMPLATES = Path(__file__).parents[2] / "templates"


def render_svg(chart: CurveChart) -> str:
    """Return the chart as an SVG document.

    The engine is a bare one, and numbers stay unlocalised: benchmarks render without Django's
    settings.
    """
    template = Engine(dirs=[str(TEMPLATES)]).get_template("ml/learning_curves.svg")
    return template.render(Context({"chart": chart}, use_l10n=False))
