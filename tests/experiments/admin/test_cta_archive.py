import re

import pytest
from django.contrib.messages import get_messages

from experiments.models import CTA, Edit
from experiments.services.drafting.bulk_editing import BulkEdit, apply_bulk_edit
from experiments.services.edits.edit_log import Author
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LIST = "/admin/experiments/cta/"


def listed(client, **query):
    return {cta.name for cta in client.get(LIST, query).context["cl"].queryset}


def act(client, action, *ctas):
    return client.post(LIST, {"action": action, "_selected_action": [cta.pk for cta in ctas]})


def said(answer):
    return [str(one) for one in get_messages(answer.wsgi_request)]


@pytest.fixture
def old(site):
    return factories.make_cta(site, "Old", archived_at=NOW)


def test_list_shows_archived_ones_only_if_asked(admin_client, site, old):
    factories.make_cta(site, "New")
    assert listed(admin_client) == {"New"}
    assert listed(admin_client, archive="archived") == {"Old"}
    assert listed(admin_client, archive="all") == {"New", "Old"}


def test_actions_archive_what_is_free_and_name_what_is_not(admin_client, running_experiment):
    free = factories.make_cta(running_experiment.slot.site, "Free")
    shown = running_experiment.variants.get(key="b").cta
    answer = act(admin_client, "archive", free, shown)
    assert said(answer) == [
        "1 CTA archived.",
        "hero-test b: It is in the test: hero-test.",
    ]
    assert "Free" not in listed(admin_client)
    chosen = {"action": "restore", "_selected_action": [free.pk]}
    assert said(admin_client.post(f"{LIST}?archive=archived", chosen)) == ["1 CTA brought back."]
    assert "Free" in listed(admin_client)


def test_no_choice_offers_an_archived_cta(admin_client, slot, draft, old):
    asked = {"app_label": "experiments", "model_name": "variant", "field_name": "cta"}
    found = admin_client.get("/admin/autocomplete/", asked).json()["results"]
    assert "Old" not in {one["text"] for one in found}
    page = admin_client.get(f"/admin/experiments/slot/{slot.pk}/change/")
    offered = page.context["adminform"].form.fields["default_cta"].queryset
    assert old not in offered
    assert slot.default_cta in offered


def test_studio_says_that_it_is_archived_and_brings_it_back(admin_client, old):
    path = f"/admin/experiments/cta/{old.pk}/studio/"
    page = admin_client.get(path).content.decode()
    assert "Archived: no list and no choice offers it." in page
    answer = admin_client.post(f"/admin/experiments/cta/{old.pk}/archive/", {"action": "restore"})
    assert answer.url == path
    assert CTA.objects.get(pk=old.pk).archived_at is None
    admin_client.post(f"/admin/experiments/cta/{old.pk}/archive/", {"action": "archive"})
    assert CTA.objects.get(pk=old.pk).archived_at is not None


def test_viewer_sees_no_button_and_archives_nothing(viewer_client, old):
    page = viewer_client.get(f"/admin/experiments/cta/{old.pk}/studio/").content.decode()
    assert 'value="restore"' not in page
    sent = {"action": "restore"}
    assert viewer_client.post(f"{LIST}{old.pk}/archive/", sent).status_code == 403
    assert CTA.objects.get(pk=old.pk).archived_at == NOW


def test_api_lists_archives_and_restores(admin_client, slot, old):
    def names(query=""):
        return {one["name"] for one in admin_client.get(f"/api/v1/ctas/{query}").json()["results"]}

    assert names() == {"Default hero"}
    assert names("?archived=true") == {"Old"}

    def post(cta_pk, step):
        return admin_client.post(f"/api/v1/ctas/{cta_pk}/{step}/", {}, "application/json")

    answer = post(old.pk, "restore")
    assert (answer.status_code, answer.json()["archived_at"]) == (200, None)
    answer = post(slot.default_cta_id, "archive")
    assert (answer.status_code, "It is the default of: Hero." in answer.content.decode()) == (
        409,
        True,
    )
    assert post(old.pk, "archive").json()["archived_at"]
    body = {"default_cta": old.pk}
    answer = admin_client.patch(f"/api/v1/slots/{slot.pk}/", body, "application/json")
    assert answer.status_code == 400


def test_page_of_undoing_lists_the_change_and_undoes_it(admin_client, site, owner, time_machine):
    time_machine.move_to(NOW, tick=False)
    ctas = [factories.make_cta(site, text) for text in ("Go", "Buy")]
    apply_bulk_edit(ctas, BulkEdit(look={"size": "large"}), by=Author(now=NOW, person=owner))
    page = admin_client.get(f"{LIST}together/undo/").content.decode()
    [number] = re.findall(r'name="change" value="(\d+)"', page)
    assert "Go" in page
    answer = admin_client.post(f"{LIST}together/undo/", {"change": number})
    assert said(answer) == ["As before: Go, Buy."]
    assert set(CTA.objects.values_list("size", flat=True)) == {"medium"}
    assert Edit.objects.filter(way="undo").count() == 2
    answer = admin_client.post(f"{LIST}together/undo/", {"change": number})
    assert said(answer)[-1] == "It cannot be undone any more."


def test_change_of_a_site_that_one_may_not_edit_is_not_there(client, site, owner, time_machine):
    time_machine.move_to(NOW, tick=False)
    cta = factories.make_cta(site, "Go")
    apply_bulk_edit([cta], BulkEdit(look={"size": "large"}), by=Author(now=NOW, person=owner))
    client.force_login(factories.make_member(factories.make_site("rival"), "marketer"))
    assert 'name="change"' not in client.get(f"{LIST}together/undo/").content.decode()
    client.post(f"{LIST}together/undo/", {"change": Edit.objects.get().pk})
    assert CTA.objects.get().size == "large"
