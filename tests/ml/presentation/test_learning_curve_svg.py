from ml.evaluation.bootstrap import Estimate
from ml.evaluation.learning_curve_chart import curve_chart
from ml.evaluation.learning_curves import Point
from ml.presentation.learning_curve_svg import render_svg

POINT = Point(groups=25, accuracy=Estimate(value=0.5, low=0.4, high=0.6))


def test_drawing_has_a_line_and_a_name_for_each_strategy():
    points = [
        Point(groups=size, accuracy=Estimate(value=value, low=value - 0.1, high=value + 0.1))
        for size, value in ((25, 0.5), (100, 0.6))
    ]
    drawing = render_svg(curve_chart({"a<b": points, "c": points}))
    assert drawing.count("<polyline") == 2
    assert drawing.count("<circle") == 4
    assert "a&lt;b" in drawing


def test_lines_differ_without_colours():
    dashes = [curve.dash for curve in curve_chart({key: [POINT] for key in "abcdefgh"}).curves]
    assert len(set(dashes)) == len(dashes)
    drawing = render_svg(curve_chart({"a": [POINT], "b": [POINT]}))
    assert [drawing.count(f'stroke-dasharray="{dash}"') for dash in dashes[:3]] == [2, 2, 0]
