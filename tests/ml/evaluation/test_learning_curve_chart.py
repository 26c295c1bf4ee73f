from ml.evaluation.bootstrap import Estimate
from ml.evaluation.learning_curve_chart import curve_chart
from ml.evaluation.learning_curves import (
    Point,
)


def test_drawing_copes_with_one_size():
    only = Point(groups=16, accuracy=Estimate(value=0.5, low=0.5, high=0.5))
    chart = curve_chart({"a": [only]})
    assert len(chart.curves[0].points) == 1
    assert chart.curves[0].points[0].x == chart.left
