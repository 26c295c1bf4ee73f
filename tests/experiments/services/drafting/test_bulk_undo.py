from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.models import CTA, Edit, Site
from experiments.services.drafting.bulk_editing import BulkEdit, apply_bulk_edit
from experiments.services.drafting.bulk_undo import (
    TooLateError,
    recent_bulk_changes,
    undo_bulk_change,
)
from experiments.services.edits.edit_log import Author, logged
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

LARGE = BulkEdit(
    look={"size": "large", "text_color": "#fffff0"},
    add_tags=("spring, early", "sale"),
    add_principles=("urgency",),
)


@pytest.fixture
def by(owner):
    return Author(now=NOW, person=owner)


@pytest.fixture
def ctas(site):
    made = [factories.make_cta(site, text) for text in ("Go", "Buy", "Try")]
    made[0].tags.create(site=site, name="autumn")
    return made


def state(cta):
    cta = CTA.objects.get(pk=cta.pk)
    tags = sorted(tag.name for tag in cta.tags.all())
    return cta.size, cta.text_color, tags, list(cta.principles)


def changed(ctas, by, edit=LARGE):
    apply_bulk_edit(ctas, edit, by=by)
    return recent_bulk_changes(sites=Site.objects.all(), now=by.now)[0].number


def undo(number, by, **later):
    return undo_bulk_change(number, sites=Site.objects.all(), by=replace(by, **later))


def test_all_of_it_is_as_before(ctas, by):
    before = [state(cta) for cta in ctas]
    number = changed(ctas, by)
    assert [state(cta)[0] for cta in ctas] == ["large"] * 3
    done = undo(number, by, now=NOW + timedelta(hours=23))
    assert (done.restored, done.kept) == (("Go", "Buy", "Try"), ())
    assert [state(cta) for cta in ctas] == before
    assert before[0][2] == ["autumn"]
    assert Edit.objects.latest("pk").way == "undo"


def test_what_was_edited_since_stays_by_name(ctas, by):
    number = changed(ctas, by)
    with logged(ctas[1], by):
        CTA.objects.filter(pk=ctas[1].pk).update(name="Buy now")
    CTA.objects.filter(pk=ctas[2].pk).delete()
    done = undo(number, by)
    assert done.restored == ("Go",)
    assert done.kept == (("Buy", "It was edited since."), ("Try", "It is deleted."))
    assert state(ctas[1])[0] == "large"


def test_what_a_test_shows_by_now_stays(ctas, slot, by):
    number = changed(ctas[:2], by)
    running = factories.make_running_experiment(slot)
    running.variants.filter(key="b").update(cta=ctas[1])
    done = undo(number, by)
    assert done.restored == ("Go",)
    assert done.kept == (("Buy", "Locked while the test “hero-test” uses it."),)
    assert state(ctas[1])[0] == "large"


def test_after_a_day_and_a_second_time_it_is_refused(ctas, by, other_site):
    number = changed(ctas, by)
    with pytest.raises(TooLateError):
        undo(number, by, now=NOW + timedelta(hours=24))
    with pytest.raises(TooLateError):
        undo_bulk_change(number, sites=Site.objects.filter(pk=other_site.pk), by=by)
    undo(number, by)
    assert recent_bulk_changes(sites=Site.objects.all(), now=NOW) == []
    with pytest.raises(TooLateError):
        undo(number, by)


def test_two_changes_are_undone_one_by_one_the_later_first(ctas, by):
    first = changed(ctas[:2], by)
    second = changed(
        ctas[1:], replace(by, now=NOW + timedelta(minutes=1)), BulkEdit(look={"size": "small"})
    )
    done = undo(first, by, now=NOW + timedelta(minutes=2))
    assert done.kept == (("Buy", "It was edited since."),)
    assert undo(second, by, now=NOW + timedelta(minutes=3)).restored == ("Buy", "Try")
    assert [state(cta)[0] for cta in ctas] == ["medium", "large", "medium"]
