from decimal import Decimal

import numpy as np
import pytest
from django.utils import translation
from django.utils.formats import number_format

from experiments import formatting


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.019329, 3, "1.933%"), (0.5, 0, "50%"), (None, 2, "-"), (0.99999, 1, "100.0%")],
)
def test_percent_rounds(value, digits, text):
    assert formatting.percent(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.9996, "99%"), (0.989, "98%"), (0.99, "99%"), (0.29, "29%"), (0.004, "1%"), (None, "-")],
)
def test_chance_seems_neither_certain_nor_to_reach_what_it_does_not(value, text):
    assert formatting.chance(value) == text


def test_numbers_speak_french():
    with translation.override("fr"):
        assert formatting.percent(0.0193, 2) == "1,93\u00a0%"
        assert formatting.percent_interval((0.003, 0.0055)) == "0,30\u00a0% à 0,55\u00a0%"
        assert formatting.points(0.0152) == "+1,52\u00a0pt"
        assert formatting.p_value(2.3e-16) == "2,3e-16"
        assert formatting.signed_percent(20.42) == "+2\u00a0042,0\u00a0%"
        assert formatting.count(10_283) == "10\u00a0283"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12, "+12.0%"),
        (-0.034, "\u22123.4%"),
        (0.0, "0.0%"),
        (None, "-"),
        (20.42, "+2,042.0%"),
        (12_345.678, "+1,234,567.8%"),
    ],
)
def test_signed_percent_shows_the_direction(value, text):
    assert formatting.signed_percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0152, "+1.52 pp"), (-0.001, "\u22120.10 pp")])
def test_points_are_absolute(value, text):
    assert formatting.points(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01685, "0.0169"), (2.3e-16, "2.3e-16"), (0.0, "1e-300 or less"), (None, "-")],
)
def test_p_value_keeps_digits_that_mean_something(value, text):
    assert formatting.p_value(value) == text


def test_intervals_name_both_ends():
    assert formatting.percent_interval((0.003, 0.0055)) == "0.30% to 0.55%"
    assert formatting.signed_interval((-0.1, 0.2)) == "\u221210.0% to +20.0%"
    assert formatting.points_interval((-0.001, 0.002)) == "\u22120.10 pp to +0.20 pp"
    assert formatting.signed_interval(None) == "-"


def test_count_groups_thousands():
    assert formatting.count(10_283) == "10,283"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_numbers_are_written_as_django_writes_them(language):
    rng = np.random.default_rng(18)
    values = (rng.choice((-1, 1), 500) * 10 ** rng.uniform(-5, 7, 500)).tolist()
    values += [0.0, -0.0, -0.004, 998.999, 999.999, -999.999, 1_000.0]
    with translation.override(language):
        for value in values:
            number = Decimal(f"{value:.2f}")
            sign = formatting.MINUS if number < 0 else ""
            assert formatting.decimal(value, 2) == sign + number_format(abs(number), 2)
            assert formatting.count(value) == number_format(round(value), force_grouping=True)


def test_threshold_is_shown_as_it_was_set():
    assert [formatting.threshold(value) for value in (0.05, 0.001)] == ["0.05", "0.001"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0667, "6.7%"), (0.604, "60%"), (0.00408, "0.41%"), (0.0, "0%"), (None, "-")],
)
def test_people_read_two_digits(value, text):
    assert formatting.rounded_percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.604, "+60%"),
        (-0.034, "\u22123.4%"),
        (0.0, "0%"),
        (float("inf"), "+∞%"),
        (12.4, "+1,240%"),
    ],
)
def test_people_read_a_lift_with_its_sign(value, text):
    assert formatting.rounded_lift(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01685, "0.017"), (2.3e-16, "< 0.0001"), (0.0, "< 0.0001"), (0.512, "0.51"), (None, "-")],
)
def test_people_read_a_short_p_value(value, text):
    assert formatting.rounded_p(value) == text


def test_short_figures_speak_french():
    with translation.override("fr"):
        assert formatting.rounded_lift(-0.0345) == "\u22123,5\u00a0%"
        assert formatting.rounded_p(1e-9) == "< 0,0001"
        assert formatting.rounded(1_240.4) == "1\u00a0240"
