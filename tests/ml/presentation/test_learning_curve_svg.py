import re

import pytest

from ml.presentation.learning_curve_svg import render_svg


def point(groups, value):
    accuracy = {"value": value, "low": value and value - 0.1, "high": value and value + 0.1}
    return {"groups": groups, "accuracy": accuracy}


def test_drawing_has_a_line_and_a_name_for_each_strategy():
    points = [point(25, 0.5), point(100, 0.6)]
    drawing = render_svg({"a<b": points, "tfidf": points})
    assert drawing.startswith("<svg")
    assert len(re.findall(r'<path aria-label="[^"]*" role="graphics-symbol" [^>]*>', drawing)) >= 4
    assert "a&lt;b" in drawing
    assert "TF-IDF ridge" in drawing
    # A file is looked at on any ground.
    assert 'fill="#ffffff"' in drawing


def test_drawing_copes_with_one_size():
    assert render_svg({"a": [point(16, 0.5)]}).startswith("<svg")


def test_drawing_without_a_point_is_refused():
    with pytest.raises(ValueError, match="no point to draw"):
        render_svg({"a": [point(16, None)]})
