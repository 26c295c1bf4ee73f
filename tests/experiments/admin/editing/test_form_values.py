from datetime import UTC, datetime

import pytest
from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime

from experiments.admin.editing.form_values import (
    in_words,
    labels_of,
    posted_key,
    same,
    sent_by,
    values_of,
)


class Example(forms.Form):
    name = forms.CharField(initial="A")
    tick = forms.BooleanField(initial=True)
    empty = forms.BooleanField()
    several = forms.MultipleChoiceField(choices=[("1", "One"), ("2", "Two")], initial=["2"])
    one = forms.ChoiceField(choices=[("1", "One")], initial="1", label="Which")


def test_values_are_those_that_a_browser_sends():
    assert values_of(Example()) == {
        "name": ["A"],
        "tick": ["on"],
        "empty": [],
        "several": ["2"],
        "one": ["1"],
    }


def test_posted_values_do_not_hide_the_stored_ones():
    assert values_of(Example({"name": "B"}))["name"] == ["A"]


def test_date_and_time_are_two_fields():
    moment = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    sent = sent_by(AdminSplitDateTime(), "at", moment)
    assert sent == {"at_0": ["2026-11-22"], "at_1": ["12:30:00"]}
    assert sent_by(AdminSplitDateTime(), "at", None) == {"at_0": [""], "at_1": [""]}


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [(["a\r\nb"], ["a\nb"], True), (["a "], ["a"], True), (["a"], ["b"], False), ([], [""], False)],
)
def test_line_ends_are_no_difference(one, other, are_same):
    assert same(one, other) is are_same


def test_choices_are_read_by_their_names():
    words = in_words(Example(), (), {"several": ["1", "2"], "tick": ["on"], "name": ["A"]})
    assert words == {"several": ["One", "Two"], "tick": ["yes"], "name": ["A"]}
    assert labels_of(Example())["one"] == "Which"


@pytest.mark.parametrize(
    ("text", "key"),
    [("17", 17), ("", 0), (None, 0), ("-1", 0), ("1.5", 0), ("٣", 0), ("²", 0), ("9" * 18, 0)],
)
def test_what_names_no_row_is_no_key(text, key):
    assert posted_key(text) == key
