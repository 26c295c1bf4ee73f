import re
from html import unescape

import pytest

from experiments.models import CTA, Audience, Experiment, Slot
from tests import factories

pytestmark = pytest.mark.django_db
REFUSED = "Somebody else has saved this meanwhile."
FIELD = re.compile(
    r"<(input|textarea|select)\b([^>]*)>(.*?)(?=<(?:input|textarea|select)\b|\Z)", re.S
)
OPTION = re.compile(r'<option value="([^"]*)"[^>]*\bselected')


def fields_of(page):
    """What a browser would send of the form of a row."""
    form = re.search(r'<form [^>]*id="\w+_form".*?</form>', page, re.S).group(0)
    sent = {}
    for kind, attributes, rest in FIELD.findall(form):
        named = re.search(r'\bname="([^"]+)"', attributes)
        if named is None or "__prefix__" in named.group(1):
            continue
        name = named.group(1)
        value = re.search(r'\bvalue="([^"]*)"', attributes)
        if kind == "select":
            sent[name] = [unescape(one) for one in OPTION.findall(rest)]
        elif kind == "textarea":
            sent[name] = [unescape(rest.split("</textarea>")[0]).removeprefix("\n")]
        elif 'type="checkbox"' in attributes or 'type="radio"' in attributes:
            if "checked" in attributes:
                sent[name] = [unescape(value.group(1)) if value else "on"]
        elif 'type="submit"' not in attributes:
            sent[name] = [unescape(value.group(1)) if value else ""]
    return sent


def path_of(row):
    return f"/admin/experiments/{row._meta.model_name}/{row.pk}/change/"


def opened(client, row):
    return fields_of(client.get(path_of(row)).content.decode())


def save(client, row, fields, **changes):
    return client.post(path_of(row), fields | {name: [one] for name, one in changes.items()})


def test_untouched_form_saves_as_before(admin_client, slot):
    assert save(admin_client, slot, opened(admin_client, slot), name="Basket").status_code == 302
    assert Slot.objects.get(pk=slot.pk).name == "Basket"


def test_second_person_overwrites_nothing_and_loses_nothing(admin_client, slot):
    first, second = opened(admin_client, slot), opened(admin_client, slot)
    save(admin_client, slot, first, name="Basket A")
    answer = save(admin_client, slot, second, position="popup")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert REFUSED in page
    assert "Basket A" in page
    assert Slot.objects.get(pk=slot.pk).name == "Basket A"
    merged = fields_of(page)
    assert (merged["name"], merged["position"]) == (["Basket A"], ["popup"])


@pytest.mark.parametrize(("taken", "kept"), [("mine", "Basket B"), ("theirs", "Basket A")])
def test_field_that_both_changed_is_chosen(admin_client, slot, taken, kept):
    first, second = opened(admin_client, slot), opened(admin_client, slot)
    save(admin_client, slot, first, name="Basket A")
    page = save(admin_client, slot, second, name="Basket B").content.decode()
    both = fields_of(page)
    assert both["name"] == ["Basket B"]
    assert both["_take-name"] == ["mine"]
    answer = save(admin_client, slot, both, **{"_take-name": taken})
    assert answer.status_code == 302
    assert Slot.objects.get(pk=slot.pk).name == kept


def test_third_person_is_noticed_too(admin_client, slot):
    forms = [opened(admin_client, slot) for _ in range(2)]
    save(admin_client, slot, forms[0], name="A")
    page = save(admin_client, slot, forms[1], name="B").content.decode()
    save(admin_client, slot, opened(admin_client, slot), name="C")
    again = save(admin_client, slot, fields_of(page)).content.decode()
    assert REFUSED in again
    assert Slot.objects.get(pk=slot.pk).name == "C"


def test_same_change_by_both_is_no_conflict(admin_client, slot):
    first, second = opened(admin_client, slot), opened(admin_client, slot)
    save(admin_client, slot, first, name="Basket")
    assert save(admin_client, slot, second, name="Basket").status_code == 302


def test_state_is_kept_while_a_fault_is_mended(admin_client, slot):
    form = opened(admin_client, slot)
    faulty = save(admin_client, slot, form, name="").content.decode()
    save(admin_client, slot, opened(admin_client, slot), name="Meanwhile")
    assert REFUSED in save(admin_client, slot, fields_of(faulty), name="Mine").content.decode()


def test_made_up_state_stands_for_none(admin_client, slot):
    form = opened(admin_client, slot) | {"_opened_state": ["x"]}
    assert save(admin_client, slot, form, name="Basket").status_code == 302


def test_wordings_of_a_cta_are_merged_by_field(admin_client, site):
    cta = factories.make_cta(site, "Go", wordings={"en": "Go", "fr": "Allez"})
    first, second = opened(admin_client, cta), opened(admin_client, cta)
    save(admin_client, cta, first, **{"wordings-0-text": "Go now"})
    page = save(admin_client, cta, second, **{"wordings-1-text": "Allons"}).content.decode()
    assert REFUSED in page
    merged = fields_of(page)
    assert (merged["wordings-0-text"], merged["wordings-1-text"]) == (["Go now"], ["Allons"])
    assert save(admin_client, cta, merged).status_code == 302
    assert {row.text for row in CTA.objects.get(pk=cta.pk).wordings.all()} == {"Go now", "Allons"}


def test_wording_that_somebody_removed_does_not_come_back(admin_client, site):
    cta = factories.make_cta(site, "Go", wordings={"en": "Go", "fr": "Allez"})
    form = opened(admin_client, cta)
    cta.wordings.get(locale="fr").delete()
    page = save(admin_client, cta, form, **{"wordings-1-text": "Allons"}).content.decode()
    assert REFUSED in page
    assert "Allons" in page
    assert save(admin_client, cta, fields_of(page), name="Other").status_code == 302
    assert [row.text for row in cta.wordings.all()] == ["Go"]


def test_sites_drafts_and_audiences_are_guarded(admin_client, site, draft):
    audience = factories.make_audience(site)
    for row, model in ((site, type(site)), (draft, Experiment), (audience, Audience)):
        form = opened(admin_client, row)
        model.objects.filter(pk=row.pk).update(name="Theirs")
        page = save(admin_client, row, form, name="Mine").content.decode()
        assert REFUSED in page, model
        assert "Theirs" in page
        assert model.objects.get(pk=row.pk).name == "Theirs"


def test_page_speaks_french(admin_client, slot):
    admin_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    form = opened(admin_client, slot)
    Slot.objects.filter(pk=slot.pk).update(name="Panier A")
    page = save(admin_client, slot, form, name="Panier B").content.decode()
    assert "Les deux versions" in page
    assert "Enregistré par les autres" in page


def test_leaving_a_form_asks_first(admin_client, slot):
    assert 'class="warn-unsaved-form"' in admin_client.get(path_of(slot)).content.decode()
