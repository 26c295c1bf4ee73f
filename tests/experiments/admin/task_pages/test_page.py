"""What the pages made for a task have in common: keys, lists, history, the lock and the weight."""

import re

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from experiments.admin.task_pages.audiences import AudiencePageForm
from experiments.admin.task_pages.slots import SlotPageForm
from experiments.admin.task_pages.webhooks import WebhookForm
from experiments.models import Audience, Edit, Site, Slot, Webhook
from tests import factories
from tests.experiments.services.notices.conftest import make_webhook
from tests.experiments.test_weights_of_pages import MOST_FIRST, first_load

KINDS = ("site", "slot", "audience", "webhook")
FORM = "5f0c2f4e-8a4e-4a57-9d0e-2f1b1a7f7c11"


def compose(kind):
    return reverse(f"admin:experiments_{kind}_compose")


def page_of(row):
    return reverse(f"admin:experiments_{row._meta.model_name}_settings", args=[row.pk])


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def fields_of(answer):
    """What the form of a page sends if nothing is typed, as a browser sends it."""
    form = answer.context["adminform"].form
    sent = {one.name: one.value() for one in form if one.value() is not None}
    return {
        name: "on" if value is True else value for name, value in sent.items() if value is not False
    }


@pytest.fixture
def rows(site, slot):
    return {
        "site": site,
        "slot": slot,
        "audience": factories.make_audience(site),
        "webhook": make_webhook(site, "https://hook.example.org/a", kinds=["verdict"]),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_lists_lead_to_the_page_and_the_page_to_the_raw_form(admin_client, rows, kind):
    row = rows[kind]
    listed = admin_client.get(reverse(f"admin:experiments_{kind}_changelist")).content.decode()
    assert f'href="{compose(kind)}"' in listed
    assert f'href="{page_of(row)}"' in listed
    page = admin_client.get(page_of(row)).content.decode()
    raw = reverse(f"admin:experiments_{kind}_change", args=[row.pk])
    history = reverse(f"admin:experiments_{kind}_history", args=[row.pk])
    assert f'href="{raw}"' in page
    assert f'href="{history}"' in page
    back = admin_client.get(history).content.decode()
    assert f'href="{page_of(row)}"' in back


@pytest.mark.parametrize("kind", KINDS)
def test_pages_load_no_library_of_the_theme_for_fields(admin_client, rows, kind):
    for url in (compose(kind), page_of(rows[kind])):
        answer = admin_client.get(url)
        assert b"jquery" not in answer.content
        assert first_load(answer) < MOST_FIRST


@pytest.mark.parametrize("kind", KINDS)
def test_row_that_is_saved_as_it_is_stays_so(admin_client, rows, kind):
    row = rows[kind]
    before = {name: value for name, value in vars(row).items() if not name.startswith("_")}
    page = admin_client.get(page_of(row))
    opened = page.context["opened_state"]
    answer = admin_client.post(page_of(row), fields_of(page) | {"_opened_state": opened})
    assert answer.url == page_of(row)
    row = type(row).objects.get(pk=row.pk)
    assert {name: getattr(row, name) for name in before} == before


@pytest.mark.parametrize(
    ("name", "key"), [("Top of the page!", "top-of-the-page"), ("日本", "slot"), ("Hero", "hero-2")]
)
def test_key_is_made_of_the_name(admin_client, slot, name, key):
    sent = {"site": slot.site_id, "name": name, "position": "footer", "new_words": "Go"}
    assert admin_client.post(compose("slot"), sent).status_code == 302
    assert Slot.objects.latest("pk").key == key


def test_key_stays_when_the_name_changes(admin_client, slot):
    page = admin_client.get(page_of(slot))
    sent = fields_of(page) | {"name": "Another", "key": ""}
    assert admin_client.post(page_of(slot), sent).status_code == 302
    slot.refresh_from_db()
    assert (slot.name, slot.key) == ("Another", "hero")


def test_second_click_makes_nothing_and_arrives_at_the_same_page(admin_client, site):
    sent = {"site": site.pk, "name": "Phones", "condition_mode": "rows", "_form": FORM}
    first, second = (admin_client.post(compose("audience"), sent) for _ in range(2))
    made = Audience.objects.get()
    assert first.url == second.url == page_of(made)
    # Another form with the same words is another audience.
    admin_client.post(compose("audience"), sent | {"_form": FORM[::-1]})
    assert [one.key for one in Audience.objects.order_by("pk")] == ["phones", "phones-2"]


def test_edit_is_in_the_history_with_its_reason(admin_client, slot):
    sent = fields_of(admin_client.get(page_of(slot))) | {"page_pattern": "/new", "_why": "Moved"}
    answer = admin_client.post(page_of(slot), sent)
    assert "“Hero” is saved." in " ".join(map(str, get_messages(answer.wsgi_request)))
    edit = Edit.objects.get(kind="slot")
    assert (edit.note, edit.changes) == ("Moved", [["", "page_pattern", slot.page_pattern, "/new"]])


def test_two_people_see_both_versions_and_lose_nothing(admin_client, slot):
    page = admin_client.get(page_of(slot))
    mine = fields_of(page) | {"_opened_state": page.context["opened_state"], "name": "Mine"}
    Slot.objects.update(name="Theirs", page_pattern="/theirs")
    shown = admin_client.post(page_of(slot), mine)
    assert "Somebody else has saved this meanwhile." in text_of(shown)
    form = shown.context["adminform"].form
    assert (form["name"].value(), form["page_pattern"].value()) == ("Mine", "/theirs")
    again = fields_of(shown) | {"_opened_state": shown.context["opened_state"]}
    assert admin_client.post(page_of(slot), again).status_code == 302
    slot.refresh_from_db()
    assert (slot.name, slot.page_pattern) == ("Mine", "/theirs")


@pytest.mark.parametrize(
    ("kind", "folded"), [("site", "holdout"), ("slot", "key"), ("audience", "key")]
)
def test_fault_opens_the_part_that_it_is_in(admin_client, rows, kind, folded):
    page = admin_client.get(page_of(rows[kind]))
    assert '<details class="cta-card cta-part" open>' not in page.content.decode()
    shown = admin_client.post(page_of(rows[kind]), fields_of(page) | {folded: "a b"})
    assert shown.status_code == 200
    assert shown.content.decode().count('<details class="cta-card cta-part" open>') == 1


@pytest.mark.parametrize("kind", ["site", "slot", "audience"])
def test_viewer_reads_the_page_and_has_no_button(viewer_client, rows, kind):
    page = viewer_client.get(page_of(rows[kind])).content.decode()
    assert 'name="_save"' not in page
    assert "<select" not in page.partition('id="task"')[2]
    assert viewer_client.post(page_of(rows[kind]), {"name": "Mine"}).status_code == 403
    assert viewer_client.get(compose(kind)).status_code == 403


@pytest.mark.parametrize("kind", KINDS)
def test_row_of_another_site_is_not_there(viewer_client, other_site, kind):
    foreign = {
        "site": lambda: other_site,
        "slot": lambda: factories.make_slot(other_site),
        "audience": lambda: factories.make_audience(other_site),
        "webhook": lambda: make_webhook(other_site, "https://hook.example.org/a"),
    }[kind]()
    assert viewer_client.get(page_of(foreign)).status_code == 404
    kinds = {"site": Site, "slot": Slot, "audience": Audience, "webhook": Webhook}
    assert kinds[kind].objects.filter(pk=foreign.pk).exists()


def test_fields_that_a_form_declares_stay_as_they_are_declared(admin_client, site):
    declared = {
        form: {name: type(one.widget) for name, one in form.declared_fields.items()}
        for form in (WebhookForm, AudiencePageForm, SlotPageForm)
    }
    for kind in ("webhook", "audience", "slot"):
        admin_client.get(compose(kind))
    for form, widgets in declared.items():
        assert {name: type(one.widget) for name, one in form.declared_fields.items()} == widgets
    kinds = WebhookForm.declared_fields["kinds"].widget
    assert type(kinds) is UnfoldAdminCheckboxSelectMultipleWidget
