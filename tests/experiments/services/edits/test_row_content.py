from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from experiments.models import CTA, Audience, Experiment, Site, Tag
from experiments.services.edits.row_content import (
    Entry,
    differences,
    field_in_words,
    part_in_words,
    row_content,
    value_in_words,
)
from tests import factories

pytestmark = pytest.mark.django_db


def test_content_of_a_cta_has_its_wordings_and_tags(site):
    cta = factories.make_cta(site, "Buy", wordings={"fr": "Acheter", "en": "Buy"})
    cta.tags.set([Tag.objects.create(site=site, name=name) for name in ("spring", "autumn")])
    content = row_content(cta)
    assert Entry("", "tags", '["autumn", "spring"]') in content
    assert content[-2:] == [
        Entry("wording:en", "text", "Buy"),
        Entry("wording:fr", "text", "Acheter"),
    ]


def test_content_of_a_test_has_its_arms_by_key(draft):
    content = row_content(draft)
    assert Entry("arm:b", "share", "0.5") in content
    assert Entry("arm:b", "cta", "hero-test b") in content
    assert "status" not in {entry.field for entry in content}


def test_equal_decimals_are_one_value(draft):
    before = row_content(draft)
    draft.coverage = Decimal("1.0000")
    assert differences(before, row_content(draft)) == []


def test_what_came_and_went_is_none_on_the_other_side():
    [went] = differences([Entry("arm:b", "share", "0.5")], [])
    assert (went.before, went.after) == ("0.5", None)
    [came] = differences([], [Entry("arm:b", "share", "0.5")])
    assert (came.before, came.after) == (None, "0.5")


def test_values_are_in_words_of_the_language():
    with translation.override("fr"):
        assert value_in_words(CTA, "", "size", "large") == "Grande"
        assert value_in_words(CTA, "", "principles", '["urgency"]') == "Urgence"
        assert value_in_words(CTA, "", "tags", '["autumn", "spring"]') == "autumn, spring"
        assert value_in_words(Site, "", "needs_receipts", "True") == "oui"
        assert value_in_words(Audience, "", "condition", '{"locale": "fr"}') == (
            "Langue est «\N{NO-BREAK SPACE}Français\N{NO-BREAK SPACE}»"
        )
        assert field_in_words(CTA, "wording:fr", "text") == "Formulation"
    assert value_in_words(Experiment, "arm:b", "share", "0.25").startswith("25")
    assert value_in_words(Experiment, "", "name", "") == "\N{EN DASH}"
    assert value_in_words(Experiment, "", "name", None) == "\N{EN DASH}"
    assert value_in_words(Site, "", "allowed_origins", '["https://a.example"]') == (
        "https://a.example"
    )
    assert value_in_words(Site, "", "internal_visitors", "…") == "…"


def test_moments_are_those_of_the_active_time_zone(draft):
    draft.starts_at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    [kept] = [entry.value for entry in row_content(draft) if entry.field == "starts_at"]
    with timezone.override("Europe/Paris"):
        assert value_in_words(Experiment, "", "starts_at", kept) == "22 Nov 2026, 13:00"


def test_parts_have_names_and_a_field_that_is_gone_keeps_its_own():
    assert part_in_words("") == ""
    assert part_in_words("arm:b") == "Arm b"
    assert part_in_words("wording:fr") == "Wording (fr)"
    assert field_in_words(CTA, "", "colour_of_old") == "Colour_of_old"
    assert value_in_words(CTA, "", "colour_of_old", "red") == "red"
