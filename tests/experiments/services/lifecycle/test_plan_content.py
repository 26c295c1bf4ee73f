import pytest
from django.utils import translation

from experiments.services.edits.row_content import Entry, differences
from experiments.services.lifecycle.plan_content import (
    field_in_words,
    plan_content,
    row_in_words,
    value_in_words,
)
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(site):
    slot = factories.make_slot(site)
    return factories.make_experiment(slot, audience=factories.make_audience(site))


def entries(draft):
    draft.refresh_from_db()
    return {(entry.row, entry.field): entry.value for entry in plan_content(draft)}


def test_content_has_arms_looks_wordings_and_audience(draft):
    found = entries(draft)
    assert found["arm:control", "share"] == "0.5"
    assert found["arm:b", "cta"] == str(draft.variants.get(key="b").cta)
    assert found["wording:b:en", "text"]
    assert found["cta:b", "background_color"].startswith("#")
    assert found["audience", "condition"]
    assert found["experiment", "planned_visitors"] == str(draft.planned_visitors)
    assert not {name for _, name in found} & {"id", "status", "hypothesis", "started_at"}


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (lambda draft: draft.variants.filter(key="b").update(share="0.4"), ("arm:b", "share")),
        (
            lambda draft: draft.variants.get(key="b").cta.wordings.update(text="Now"),
            ("wording:b:en", "text"),
        ),
        (lambda draft: draft.guardrails.create(metric="click_rate"), ("guardrail:1", "metric")),
        (lambda draft: draft.ramp.create(number=1, coverage="0.1"), ("ramp:1", "coverage")),
        (
            lambda draft: type(draft.audience).objects.update(condition={"device": "mobile"}),
            ("audience", "condition"),
        ),
        (lambda draft: type(draft).objects.update(alpha=0.1), ("experiment", "alpha")),
    ],
    ids=["share", "wording", "guardrail", "ramp", "audience", "alpha"],
)
def test_whatever_decides_what_is_seen_or_judged_is_a_difference(draft, change, changed):
    before = plan_content(draft)
    assert differences(before, plan_content(draft)) == []
    change(draft)
    draft = type(draft).objects.get(pk=draft.pk)
    assert changed in {(one.row, one.field) for one in differences(before, plan_content(draft))}


def test_every_entry_has_words_in_both_languages(draft):
    draft.guardrails.create(metric="click_rate")
    draft.ramp.create(number=1, coverage="0.1")
    content = plan_content(draft)
    words = {}
    for language in ("en", "fr"):
        with translation.override(language):
            words[language] = [
                (row_in_words(one.row), field_in_words(one.row, one.field)) for one in content
            ]
            assert (
                value_in_words("experiment", "rolls_back", "True")
                == {"en": "yes", "fr": "oui"}[language]
            )
    assert words["en"] != words["fr"]


def test_choices_are_shown_by_their_labels():
    assert value_in_words("experiment", "primary_metric", "click_rate") == "Click rate"
    assert value_in_words("arm:b", "cta", "Buy") == "Buy"
    assert value_in_words("wording:b:en", "text", "True") == "True"


def test_row_that_went_is_named_last():
    before = [Entry("arm:c", "share", "0.2"), Entry("arm:b", "share", "0.5")]
    found = differences(before, [Entry("arm:b", "share", "0.6")])
    assert [(one.row, one.before, one.after) for one in found] == [
        ("arm:b", "0.5", "0.6"),
        ("arm:c", "0.2", None),
    ]
