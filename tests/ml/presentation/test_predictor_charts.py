import pytest

from ml.presentation.predictor_charts import draw_levels, draw_risk, estimate_in_words, risk_chart


def estimate(value, width=0.1):
    return {"value": value, "low": value - width, "high": value + width}


UNDEFINED = {"value": None, "low": None, "high": None}


def point(coverage, accuracy):
    return {"coverage": coverage, "chance": 0.6, "accuracy": accuracy}


@pytest.mark.parametrize(
    ("figure", "is_share", "text"),
    [
        (estimate(0.5), True, "50.0% (40.0% to 60.0%)"),
        (estimate(0.5), False, "0.500 (0.400 to 0.600)"),
        (UNDEFINED, True, "-"),
        ({"value": -0.0001, "low": -0.0004, "high": 0.0002}, True, "-0.01% (-0.04% to 0.02%)"),
        ({"value": -0.0001, "low": -0.01, "high": 0.01}, True, "0.0% (-1.0% to 1.0%)"),
        ({"value": -0.0, "low": -0.0, "high": 0.0}, True, "0.0% (0.0% to 0.0%)"),
        ({"value": -1e-6, "low": -4e-5, "high": 2e-5}, False, "0.00000 (-0.00004 to 0.00002)"),
    ],
)
def test_estimate_is_written_with_its_interval(figure, is_share, text):
    assert estimate_in_words(figure, is_share=is_share) == text


def test_points_of_undefined_accuracy_are_left_out():
    chart = risk_chart(
        [point(0.1, UNDEFINED), point(0.5, estimate(0.8)), point(1.0, estimate(0.6))]
    )
    assert len(chart.line.split()) == 2
    assert len(chart.band.split()) == 4


def test_curve_falls_as_the_accuracy_does():
    chart = risk_chart([point(0.5, estimate(0.8)), point(1.0, estimate(0.6))])
    (x1, y1), (x2, y2) = (map(float, place.split(",")) for place in chart.line.split())
    assert x1 < x2
    assert y1 < y2  # SVG counts from above


@pytest.mark.parametrize(
    ("toss_up", "sentence"),
    [(0.55, "a chance of at most 55.0%"), (0.5, "Even the least certain pairs")],
)
def test_chart_says_up_to_where_pairs_are_a_toss_up(toss_up, sentence):
    risk = {
        "curve": [point(1.0, estimate(0.6))],
        "toss_up": toss_up,
        "interval_coverage": estimate(0.95, 0.01),
    }
    drawn = draw_risk(risk)
    assert sentence in drawn
    assert "95.0% (94.0% to 96.0%)" in drawn


def test_table_of_levels_names_each_and_what_was_kept():
    level = {
        "groups": 40,
        "pairs": 120,
        "accuracy": estimate(0.7),
        "accuracy_shared": estimate(0.6),
        "log_loss_skill": estimate(0.1),
        "borrowed": 0.25,
    }
    offsets = {
        "factors": {"audience": {"kept": True}, "form": {"kept": False}},
        "levels": {"audience": {"experts": level}},
    }
    drawn = draw_levels(offsets)
    assert "experts" in drawn
    assert "25.0%" in drawn
    assert "modelled separately, because that did better" in drawn
    assert "not modelled separately" in drawn
    assert "Nothing to tell apart" in draw_levels({"factors": {}, "levels": {}})
