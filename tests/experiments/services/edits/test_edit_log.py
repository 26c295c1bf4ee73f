import pytest

from experiments.models import Edit, Slot
from experiments.services.edits.edit_log import (
    HIDDEN,
    MOST_CHARACTERS,
    Author,
    log_edit,
    log_removal,
    logged,
    stored_content,
)
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(owner):
    return Author(now=NOW, person=owner, note="New season")


def test_edit_keeps_each_field_before_and_after(slot, owner, by):
    with logged(slot, by):
        slot.name, slot.position = "Basket", "footer"
        slot.save()
    edit = Edit.objects.get()
    assert edit.changes == [
        ["", "name", "Hero", "Basket"],
        ["", "position", "above_fold", "footer"],
    ]
    assert (edit.kind, edit.row, edit.site, edit.verb) == ("slot", slot.pk, slot.site, "change")
    assert (edit.author, edit.note, edit.at) == (owner, "New season", NOW)


def test_untouched_row_leaves_no_line(slot, by):
    with logged(slot, by):
        slot.save()
    assert not Edit.objects.exists()


def test_creation_and_removal_are_kept(site, by):
    slot = Slot(site=site, key="basket", name="Basket", default_cta=factories.make_cta(site))
    with logged(slot, by):
        slot.save()
    log_removal(slot, by=by)
    number = slot.pk
    slot.delete()
    removed, created = Edit.objects.all()
    assert (created.verb, created.changes) == ("add", [])
    assert (removed.verb, removed.row, removed.name) == ("delete", number, "Basket (basket)")
    assert ["", "name", "Basket", None] in removed.changes


def test_ids_of_people_are_not_copied(site, by):
    before = stored_content(site)
    site.internal_visitors = ["staff-"]
    site.internal_networks = ["10.0.0.0/8"]
    site.save()
    edit = log_edit(site, before=before, by=by)
    assert {(field, after) for _part, field, _before, after in edit.changes} == {
        (name, "…") for name in HIDDEN
    }


def test_long_text_is_cut(draft, by):
    with logged(draft, by):
        draft.hypothesis = "x" * 2_000
        draft.save()
    [[_part, field, _before, after]] = Edit.objects.get().changes
    assert (field, len(after), after[-2:]) == ("hypothesis", MOST_CHARACTERS, "x…")


def test_edits_outlive_the_account(slot, owner, by):
    with logged(slot, by):
        slot.name = "Basket"
        slot.save()
    owner.delete()
    assert Edit.objects.get().author is None
