import pytest

from experiments.models import CTA, Change, Edit, Experiment, Slot
from experiments.services.drafting.bulk_editing import BulkEdit, apply_bulk_edit
from experiments.services.edits.edit_log import Author
from experiments.services.lifecycle.change_log import Occasion, record
from tests import factories
from tests.experiments.admin.editing.test_concurrent_edits import opened, save
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def history(client, row):
    return client.get(f"/admin/experiments/{row._meta.model_name}/{row.pk}/history/")


def changes_of(row):
    edit = Edit.objects.filter(kind=row._meta.model_name, row=row.pk).latest("pk")
    return {(part, field): (before, after) for part, field, before, after in edit.changes}


def test_form_keeps_what_it_changes_and_why(admin_client, slot, owner):
    save(admin_client, slot, opened(admin_client, slot), name="<Basket>", _why="The shop moved")
    assert changes_of(slot) == {("", "name"): ("Hero", "<Basket>")}
    page = history(admin_client, slot).content.decode()
    for text in ("<del>Hero</del>", "<ins>&lt;Basket&gt;</ins>", "The shop moved", " · owner"):
        assert text in page


def test_reason_that_was_typed_outlives_a_fault(admin_client, slot):
    answer = save(admin_client, slot, opened(admin_client, slot), name="", _why="The shop moved")
    assert 'name="_why" maxlength="500" value="The shop moved"' in answer.content.decode()
    assert not Edit.objects.exists()


def test_rows_of_an_inline_belong_to_the_edit(admin_client, site):
    cta = factories.make_cta(site, "Go")
    save(admin_client, cta, opened(admin_client, cta), **{"wordings-0-text": "Go now"})
    assert changes_of(cta)["wording:en", "text"] == ("Go", "Go now")


def test_untouched_form_leaves_no_line(admin_client, slot):
    save(admin_client, slot, opened(admin_client, slot))
    assert not Edit.objects.exists()
    assert "Nothing was recorded here yet." not in history(admin_client, slot).content.decode()


def test_creation_and_deletion_are_kept(admin_client, site):
    sent = {"site": site.pk, "name": "New", "key": "new", "condition_mode": "rows"}
    admin_client.post("/admin/experiments/audience/add/", sent)
    made = Edit.objects.get()
    assert (made.kind, made.verb) == ("audience", "add")
    path = f"/admin/experiments/audience/{made.row}/delete/"
    assert admin_client.post(path, {"post": "yes"}).status_code == 302
    assert Edit.objects.latest("pk").verb == "delete"
    assert "New" in history(admin_client, site).content.decode()


def test_history_of_a_test_has_its_steps_and_its_edits(admin_client, draft, owner):
    save(admin_client, draft, opened(admin_client, draft), hypothesis="Shorter is better")
    record(draft, Change.Kind.START, Occasion(now=NOW, author=owner, note="At last"))
    page = history(admin_client, draft).content.decode()
    for text in ("Started", "At last", "Hypothesis", "Shorter is better"):
        assert text in page
    report = f"/admin/experiments/experiment/{draft.pk}/report/"
    assert f'href="{report}"' in page
    link = f"/admin/experiments/experiment/{draft.pk}/history/"
    assert link in admin_client.get(report).content.decode()


def test_history_needs_the_right_to_see_the_row(client, slot):
    client.force_login(factories.make_member(slot.site, "viewer"))
    assert history(client, slot).status_code == 200
    client.force_login(factories.make_person("eve"))
    assert history(client, slot).status_code == 404


def test_long_history_has_pages(admin_client, slot):
    rows = [
        Edit(site=slot.site, kind="slot", row=slot.pk, verb="change", at=NOW, changes=[])
        for _ in range(51)
    ]
    Edit.objects.bulk_create(rows)
    assert "?p=2" in history(admin_client, slot).content.decode()
    page = admin_client.get(f"/admin/experiments/slot/{slot.pk}/history/?p=2").content.decode()
    assert page.count("<h2>Edited</h2>") == 1


def test_studio_keeps_the_save_and_its_undoing(admin_client, site):
    cta = factories.make_cta(site, "Go")
    path = f"/admin/experiments/cta/{cta.pk}/studio/"
    assert f"/admin/experiments/cta/{cta.pk}/history/" in admin_client.get(path).content.decode()
    form = {"name": "Go", "form": "button", "size": "large", "destination": "/go"}
    colours = {"background_color": "#1d4ed8", "text_color": "#ffffff"}
    admin_client.post(path, {**form, **colours, "wording_en": "Go", "action": "save"})
    assert changes_of(cta) == {("", "size"): ("medium", "large")}
    admin_client.post(path, {"action": "undo"})
    assert CTA.objects.get(pk=cta.pk).size == "medium"
    assert Edit.objects.latest("pk").way == "undo"


def test_change_of_several_is_kept_for_each(site, owner):
    ctas = [factories.make_cta(site, text) for text in ("Go", "Buy")]
    apply_bulk_edit(ctas, BulkEdit(look={"size": "large"}), by=Author(now=NOW, person=owner))
    assert {(edit.row, edit.way) for edit in Edit.objects.all()} == {
        (cta.pk, "together") for cta in ctas
    }


def test_copies_name_what_they_are_copied_from(admin_client, draft):
    sent = {"action": "duplicate", "_selected_action": [draft.pk]}
    admin_client.post("/admin/experiments/experiment/", sent)
    copy = Experiment.objects.exclude(pk=draft.pk).get()
    edit = Edit.objects.get(kind="experiment", row=copy.pk)
    assert (edit.verb, edit.way, edit.note) == ("add", "copy", draft.name)


def test_promotion_stands_in_the_history_of_the_slot(admin_client, running_experiment):
    path = f"/api/v1/experiments/{running_experiment.key}/stop/"
    sent = {"outcome": "winner", "arm": "b", "promotes": True}
    assert admin_client.post(path, sent, "application/json").status_code == 200
    slot = Slot.objects.get(pk=running_experiment.slot_id)
    assert changes_of(slot) == {("", "default_cta"): ("Default hero", "hero-test b")}
    page = history(admin_client, slot).content.decode()
    assert "Edited · shown to everybody after a test" in page
    assert running_experiment.name in page


def test_management_api_names_the_key_of_the_server(client, slot, server_key):
    client.patch(
        f"/api/v1/slots/{slot.pk}/",
        {"name": "Basket"},
        "application/json",
        headers={"X-API-Key": server_key},
    )
    edit = Edit.objects.get()
    assert (edit.way, edit.author, edit.server_key.split()[0]) == ("api", None, "backend")
    assert changes_of(slot) == {("", "name"): ("Hero", "Basket")}
