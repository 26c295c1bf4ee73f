import re
from decimal import Decimal

import pytest
from django import forms
from django.urls import reverse

from experiments.admin.editing.percent_fields import (
    PercentField,
    fraction_of,
    in_percent,
    read_in_percent,
)
from experiments.models import Experiment
from tests.experiments.admin.test_experiments import experiment_form


@pytest.mark.parametrize("text", ["33.33", "33,33", " 33.33 % ", "33,33\u202f%"])
def test_percentages_are_read_as_people_write_them(text):
    assert fraction_of(text) == Decimal("0.3333")


@pytest.mark.parametrize("text", ["", "a third", "nan", "1e999999999", "33..3"])
def test_what_is_no_percentage_is_refused(text):
    with pytest.raises(ValueError, match="no percentage"):
        fraction_of(text)


@pytest.mark.parametrize(("fraction", "shown"), [("0.3333", "33.33"), ("1", "100"), ("0.05", "5")])
def test_fraction_is_shown_in_per_cent(fraction, shown):
    assert in_percent(Decimal(fraction)) == shown
    assert PercentField().clean(shown) == Decimal(fraction)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a third", "such as 33 or 33.33"),
        ("33.333", "at most two decimals"),
        ("101", "from 0 to 100"),
        ("-1", "from 0 to 100"),
    ],
)
def test_field_says_what_to_write(text, said):
    with pytest.raises(forms.ValidationError, match=said):
        PercentField().clean(text)


def test_smallest_part_is_named():
    with pytest.raises(forms.ValidationError, match=r"from 0.01 to 100"):
        PercentField(min_value=Decimal("0.0001")).clean("0")


def test_form_of_an_experiment_takes_and_shows_percentages(admin_client, slot):
    shares = {"variants-0-share": "33,33", "variants-1-share": "66.67 %", "coverage": "80"}
    url = "/admin/experiments/experiment/"
    admin_client.post(f"{url}add/", experiment_form(slot, **shares))
    draft = Experiment.objects.get(key="new")
    assert [arm.share for arm in draft.variants.all()] == [Decimal("0.3333"), Decimal("0.6667")]
    assert draft.coverage == Decimal("0.8")
    page = admin_client.get(f"{url}{draft.pk}/change/").content.decode()
    for name, shown in (("coverage", "80"), ("variants-0-share", "33.33")):
        assert f'name="{name}" value="{shown}"' in page


def test_form_keeps_what_was_typed_beside_the_fault(admin_client, slot):
    sent = experiment_form(slot, **{"variants-0-share": "a third"})
    page = admin_client.post("/admin/experiments/experiment/add/", sent).content.decode()
    assert 'name="variants-0-share" value="a third"' in page
    assert "Write a percentage, such as 33 or 33.33." in page


def test_fractions_that_cannot_change_are_read_in_per_cent(admin_client, running_experiment):
    Experiment.objects.update(coverage=Decimal("0.25"))
    url = reverse("admin:experiments_experiment_change", args=[running_experiment.pk])
    page = admin_client.get(url, HTTP_ACCEPT_LANGUAGE="fr").content.decode()
    shown = re.findall(r'<div class="readonly[^"]*">([^<]*)</div>', page)
    assert "25\u00a0%" in shown
    assert "50\u00a0%" in shown
    assert not [text for text in shown if re.fullmatch(r"\d,\d{4}", text)]


@pytest.mark.parametrize(("text", "shown"), [("0.1250", "12.5%"), ("1,0000", "100%"), ("-", "-")])
def test_shown_fraction_becomes_a_percentage(text, shown):
    assert read_in_percent(text) == shown
