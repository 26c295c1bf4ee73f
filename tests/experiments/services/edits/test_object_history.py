from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import translation

from experiments.models import Edit, Slot
from experiments.services.edits.edit_log import Author, Way, log_removal, logged
from experiments.services.edits.object_history import edit_lines
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def rename(slot, name, **by):
    with logged(slot, Author(**{"now": NOW, "note": ""} | by)):
        slot.name = name
        slot.save()


def test_lines_are_in_words_of_the_reader(slot, owner):
    with logged(slot, Author(now=NOW, person=owner, note="Moved")):
        slot.position = "footer"
        slot.save()
    with translation.override("fr"):
        [line] = edit_lines(slot, most=10)
    assert (line.at, line.who, line.what, line.note) == (NOW, "owner", "Modification", "Moved")
    [field] = line.fields
    assert (field.field, field.after) == ("Position", "Pied de page")


def test_servers_and_lost_accounts_have_names(slot, owner):
    rename(slot, "A", server_key="backend (shop-serv…)", way=Way.API)
    rename(slot, "B", person=owner, now=NOW + timedelta(hours=1))
    owner.delete()
    latest, first = edit_lines(slot, most=10)
    assert latest.who == "deleted account"
    assert (first.who, first.what) == ("backend (shop-serv…)", "Edited · by the management API")


def test_rows_of_one_number_and_another_kind_are_apart(slot, draft):
    Edit.objects.create(
        site=slot.site, kind="experiment", row=slot.pk, verb="add", at=NOW, changes=[]
    )
    assert edit_lines(slot, most=10) == []


def test_removed_rows_stand_in_the_history_of_their_site(site, owner):
    slot = factories.make_slot(site)
    rename(slot, "Basket", person=owner)
    log_removal(slot, by=Author(now=NOW, person=owner))
    Slot.objects.filter(pk=slot.pk).delete()
    [line] = edit_lines(site, most=10)
    assert line.what == "Deleted · slot: Basket (hero)"


def test_lines_of_before_the_log_are_those_of_the_forms(slot, owner):
    kind = ContentType.objects.get_for_model(Slot)
    values = {"user": owner, "content_type": kind, "object_id": str(slot.pk), "action_flag": CHANGE}
    for days, text in ((3, "Changed Name."), (-1, "Written beside the log.")):
        with time_machine.travel(NOW - timedelta(days=days), tick=False):
            LogEntry.objects.create(object_repr="Hero", change_message=text, **values)
    rename(slot, "Basket", person=owner)
    assert [line.what for line in edit_lines(slot, most=10)] == ["Edited", "Changed Name."]
    assert len(edit_lines(slot, most=1)) == 1
