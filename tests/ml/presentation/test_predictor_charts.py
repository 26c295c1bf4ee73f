import pytest

from ml.presentation.predictor_charts import (
    coverage_picture,
    draw_learning_curves,
    draw_levels,
    draw_reliability,
    draw_risk,
    estimate_in_words,
    learning_curve_picture,
)


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
        ({"value": -0.0, "low": -0.0, "high": 0.0}, True, "0.0%"),
        ({"value": -1e-6, "low": -4e-5, "high": 2e-5}, False, "0.00000 (-0.00004 to 0.00002)"),
    ],
)
def test_estimate_is_written_with_its_interval(figure, is_share, text):
    assert estimate_in_words(figure, is_share=is_share) == text


def risk_of(*points, toss_up=0.55):
    return {
        "curve": list(points),
        "toss_up": toss_up,
        "interval_coverage": estimate(0.95, 0.01),
    }


def test_points_of_undefined_accuracy_are_left_out():
    picture = coverage_picture(
        risk_of(point(0.1, UNDEFINED), point(0.5, estimate(0.8)), point(1.0, estimate(0.6)))
    )
    assert [(row["x"], row["value"]) for row in picture["rows"]] == [(0.5, 0.8), (1.0, 0.6)]
    assert picture["words"] == (
        "On the surest 50% of the pairs it names the better wording in 80%, on 100% in 60%."
    )
    assert coverage_picture(risk_of(point(0.1, UNDEFINED))) is None


def test_pages_show_each_picture_with_its_words_and_numbers():
    drawn = draw_risk(risk_of(point(0.5, estimate(0.8)), point(1.0, estimate(0.6))))
    assert drawn.count("<img src=") == 2
    assert "On the surest 50% of the pairs" in drawn
    assert "The numbers as a table" in drawn
    assert "80.00%" in drawn
    drawn = draw_reliability(risk_of(point(0.5, estimate(0.8)), point(1.0, estimate(0.6))))
    assert drawn.count("<img src=") == 2
    assert "<th>Likelier wording won</th>" in drawn
    assert draw_reliability(risk_of(point(0.5, UNDEFINED))) == "-"


def test_learning_curves_name_the_best_at_their_end():
    curves = {
        "tfidf": [{"groups": n, "accuracy": estimate(0.5)} for n in (25, 100)],
        "frozen_head": [{"groups": n, "accuracy": estimate(0.6)} for n in (25, 100)],
        "stack": [{"groups": 25, "accuracy": UNDEFINED}],
    }
    picture = learning_curve_picture(curves)
    assert len(picture["rows"]) == 4
    assert (
        "With 100 past contrasts “Frozen encoder + ridge (transfer learning)”" in picture["words"]
    )
    assert "60.0%" in picture["words"]
    assert draw_learning_curves({"curves": curves}).count("<img src=") == 2
    assert draw_learning_curves({"curves": {"stack": curves["stack"]}}) == ""


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
