"""Choices of a view on the report page: the form, its answer and its refusals."""

import re

import pytest
from django.urls import reverse

from tests import factories
from tests.experiments.admin.reporting.test_report import page_of
from tests.experiments.services.counted_experiments import count

OPEN = '<details class="cta-part" open>'


@pytest.fixture
def experiment(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    row = factories.make_running_experiment(slot, shares=shares)
    count(row, (4_000, 400), (3_000, 330), (3_000, 390))
    count(row, (2_000, 200), (1_500, 150), (1_500, 180), segment="device=mobile")
    return row


def part_of(page):
    return page.split('id="compare"')[1].split("</details>")[0]


def test_page_offers_choices_and_shows_no_answer_before_one(admin_client, experiment):
    page = page_of(admin_client, experiment)
    part = part_of(page)
    names = re.findall(r'name="(\w+)"', part)
    assert names == ["arm", "against", "metric", "segment", "from", "to", "cuped", "reading"]
    assert "Device: Phone" in part
    assert "<table" not in part
    assert OPEN not in page


def test_segments_have_the_punctuation_of_the_language(admin_client, experiment):
    url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    page = admin_client.get(url, headers={"accept-language": "fr"}).content.decode()
    assert "Appareil\u00a0: Téléphone" in part_of(page)


def test_unknown_names_and_values_are_told_beside_the_form(admin_client, experiment):
    part = part_of(page_of(admin_client, experiment, first="2026-11-20"))
    assert "“first”: Not known here. Known are: arm, against" in part
    assert "<table" not in part
    part = part_of(page_of(admin_client, experiment, cuped="yes"))
    assert "Choose one of: on, off." in part


def test_unknown_names_are_told_with_the_punctuation_of_the_language(admin_client, experiment):
    url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    page = admin_client.get(url, {"first": "1"}, headers={"accept-language": "fr"})
    assert "«\u00a0first\u00a0»\u00a0: " in part_of(page.content.decode())


def test_address_is_the_view(admin_client, experiment):
    page = page_of(admin_client, experiment, arm="c", against="b", segment="device=mobile")
    part = part_of(page)
    assert OPEN in page
    # 180 and 150 of 1,500 visitors.
    for text in ("12.000%", "10.000%", "+20.0%", "Valid at every look", "At one planned look"):
        assert text in part, text
    for chosen in ('value="c" selected', 'value="b" selected', 'value="device=mobile" selected'):
        assert chosen in part, chosen
    query = "arm=c&amp;against=b&amp;segment=device%3Dmobile"
    assert f"report/?{query}" in part


def test_view_does_not_touch_the_verdict(admin_client, experiment):
    first = page_of(admin_client, experiment).split('class="cta-evidence"')[0]
    other = page_of(admin_client, experiment, arm="b", against="c").split('class="cta-evidence"')
    tokens = re.compile(r'value="[\w]{64}"')
    assert tokens.sub("", other[0]) == tokens.sub("", first)


def test_span_is_labelled_as_one_look(admin_client, experiment):
    day = (factories.NOW.date().replace(day=1)).isoformat()
    part = part_of(page_of(admin_client, experiment, **{"from": day}))
    assert "One look, chosen after the fact" in part
    assert "Valid at every look" not in part


def test_refusal_stands_beside_its_field(admin_client, experiment):
    page = page_of(admin_client, experiment, arm="b", against="b", **{"from": "soon"})
    part = part_of(page)
    assert OPEN in page
    against = part.split('name="against"')[1].split("</div>")[0]
    assert "An arm cannot be compared with itself." in against
    assert "Write a day as" in part.split('name="from"')[1].split("</div>")[0]
    assert "<table" not in part


def test_markup_in_the_address_is_text(admin_client, experiment):
    page = page_of(admin_client, experiment, **{"from": '"><script>x()</script>'})
    assert "<script>x()" not in page


def test_draft_offers_no_view(admin_client, draft):
    assert 'id="compare"' not in page_of(admin_client, draft)
