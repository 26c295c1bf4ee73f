from dataclasses import replace

import pytest

from ml.application import copy_advice
from tests.ml.factories import learnable_rows


def test_look_and_position_are_inspected_when_they_are_given():
    codes = {each["check"] for each in copy_advice.inspect("Get my guide", locale="en")}
    assert not codes & {"contrast", "target", "fold"}
    look = {"contrast": 3.0, "font_px": 16.0, "is_bold": False}
    look |= {"width_px": 20.0, "height_px": 20.0, "is_inline": False}
    found = copy_advice.inspect("Get my guide", locale="en", look=look, position="hero")
    assert {each["check"] for each in found} >= codes | {"contrast", "target", "fold"}
    assert all(each["name"] and each["message"] for each in found)


def test_wording_that_cannot_be_shown_is_no_start_of_a_rewording():
    found = copy_advice.suggest(["<b>Start</b>", "Start now"], locale="en", count=5)
    assert {each["source"] for each in found} == {"Start now"}
    assert {(each["chance"], each["lift"]) for each in found} == {(None, None)}


def test_principles_are_measured_on_tests_of_the_language_and_the_audience():
    rows = learnable_rows(50, audience="new")
    rows = [
        replace(row, locale="fr" if number % 5 == 0 else "en-GB")
        for number, three in enumerate(zip(rows[::3], rows[1::3], rows[2::3], strict=True))
        for row in three
    ]
    assert copy_advice.measure_principles(rows, locale="en")["tests"] == 40
    assert copy_advice.measure_principles(rows, audience="new")["tests"] == 50
    assert copy_advice.measure_principles(rows, audience="old")["tests"] == 0


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [(None, False), ({"code": "too_long"}, True), ({"code": "locale_not_covered"}, False)],
)
def test_only_a_fault_of_the_text_makes_it_no_wording(refusal, expected):
    assert copy_advice.is_no_wording(refusal) is expected
