import pytest

from ml.presentation.learning_curve_text import contrasts_for, curve_rows, more_tests_sentences


def record(value, low, high, *, sizes=(100, 200, 400)):
    """Curves that end with a gain for each doubling."""
    estimate = {"value": value, "low": low, "high": high}
    return {
        "measured_at": "2026-11-29T10:00:00+00:00",
        "groups": 520,
        "splits": 4,
        "curves": {"tfidf": []},
        "growth": {"tfidf": {"sizes": list(sizes), "per_doubling": estimate}},
    }


def said(*args, **sizes):
    return " ".join(more_tests_sentences(record(*args, **sizes), strategy="tfidf"))


def test_tests_for_one_more_point_are_named_with_their_uncertainty():
    # 400 * (2^(1/2) - 1) = 165.7; half a doubling brings half of the interval.
    text = said(0.02, 0.01, 0.03)
    assert "170 more tests would bring about +1 point (+0.5 to +1.5)" in text
    assert "from 100 to 400 past contrasts" in text
    assert "Measured on 520 past contrasts (2026-11-29)." in text


def test_curve_is_never_carried_on_past_twice_its_length():
    text = said(0.004, 0.002, 0.006)
    assert "Twice as many past tests would bring about +0.4 points (+0.2 to +0.6)" in text


def test_tiny_gain_asks_for_no_number_of_tests():
    assert "Twice as many past tests would bring about +0.0 points" in said(1e-6, 5e-7, 0.003)


@pytest.mark.parametrize("low", [-0.001, 0.0])
def test_gain_that_may_be_none_is_not_promised(low):
    text = said(0.002, low, 0.005)
    assert "No gain is to be expected" in text
    assert "each doubling brought +0.2 points" in text


def test_curve_that_falls_promises_nothing():
    assert "each doubling brought -1.0 points (-2.0 to -0.1)" in said(-0.01, -0.02, -0.001)


def test_undefined_gain_is_said():
    assert "too few" in said(None, None, None)


@pytest.mark.parametrize("curves", [None, record(0.02, 0.01, 0.03)], ids=["none", "others"])
def test_curve_that_was_not_measured_is_not_invented(curves):
    (text,) = more_tests_sentences(curves, strategy="fine_tuned")
    assert text.startswith("Not measured yet.")


def test_version_that_predicts_nothing_has_no_curve():
    assert more_tests_sentences(record(0.02, 0.01, 0.03), strategy="") == []


@pytest.mark.parametrize(
    ("per_doubling", "present", "more"), [(0.01, 80, 80), (0.02, 100, 42), (0.005, 1_000, 3_000)]
)
def test_more_tests_double_what_there_is_for_each_gain(per_doubling, present, more):
    assert contrasts_for(0.01, per_doubling=per_doubling, present=present) == more


def test_points_of_the_curve_are_rows_in_words():
    measured = record(0.02, 0.01, 0.03)
    estimate = {"value": 0.605, "low": 0.58, "high": 0.63}
    undefined = {"value": None, "low": None, "high": None}
    measured["curves"]["tfidf"] = [
        {"groups": 1_200, "accuracy": estimate},
        {"groups": 50, "accuracy": undefined},
    ]
    assert curve_rows(measured, strategy="tfidf") == [("1,200", "60.5%", "58.0% to 63.0%")]
    assert curve_rows(measured, strategy="fine_tuned") == []
    assert curve_rows(None, strategy="tfidf") == []
