"""Learning curves as an SVG file."""

from collections.abc import Mapping, Sequence

from django.template.loader import render_to_string

from ml.presentation.predictor_charts import learning_curve_picture
from ml.scoring.manifest import PointRecord


def render_svg(curves: Mapping[str, Sequence[PointRecord]]) -> str:
    """Return the curves by key of their strategy as an SVG document.

    Raises:
        ValueError: If no point has a value.
    """
    picture = learning_curve_picture(curves)
    if picture is None:
        raise ValueError("curves: there is no point to draw")
    return render_to_string("ml/learning_curves.svg", {"picture": picture})
