import pytest
from django.utils import translation

from experiments.services.insights.plan_review import PlanBasis, PlanReview, PlanWarning
from experiments.services.reporting.plan_messages import (
    SENTENCES,
    basis_in_words,
    plan_warnings,
)


def review(*warnings, **changes):
    values = {
        "planned": 400_000,
        "needed": 62_462,
        "target": 0.1,
        "visitors_per_day": 1_000.0,
        "weeks": 58,
        "lift_found": 0.0391,
        "warnings": warnings,
    }
    return PlanReview(**(values | changes))


def basis(**changes):
    values = {
        "visitors": 62_462,
        "days": 28,
        "visitors_per_day": 1_000.0,
        "base": 0.05,
        "is_rate": True,
        "target": 0.1,
        "n_arms": 2,
        "at": "2026-11-22T12:00:00+00:00",
    }
    return PlanBasis(**(values | changes))


def test_every_warning_has_a_sentence():
    assert set(SENTENCES) == set(PlanWarning)


@pytest.mark.parametrize(
    ("warning", "numbers"),
    [
        (PlanWarning.NO_NUMBER, ["62,462", "+10%"]),
        (PlanWarning.TOO_LARGE, ["400,000", "6 times", "62,462"]),
        (PlanWarning.TOO_SMALL, ["400,000", "+3.9%", "+10%", "62,462"]),
        (PlanWarning.TOO_LONG, ["1,000 visitors a day", "58 weeks", "longer than 12"]),
    ],
)
def test_sentence_has_the_numbers(warning, numbers):
    (sentence,) = plan_warnings(review(warning))
    for number in numbers:
        assert number in sentence


def test_plan_without_faults_has_no_sentence():
    assert plan_warnings(review()) == ()


def test_basis_names_the_slots_own_figures():
    sentence = basis_in_words(basis())
    for number in ("62,462", "28 days", "1,000", "5.00%", "+10%", "2 arms", "80%"):
        assert number in sentence


def test_mean_of_values_is_no_percentage():
    assert "mean of 12.500" in basis_in_words(basis(base=12.5, is_rate=False))


def test_french_reader_gets_french():
    with translation.override("fr"):
        assert "visiteurs prévus" in basis_in_words(basis())
