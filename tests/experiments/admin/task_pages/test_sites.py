from django.urls import reverse
from django.utils import translation

from experiments.models import Site
from tests.experiments.admin.task_pages.test_page import compose, fields_of, page_of, text_of


def test_site_needs_a_name_only(admin_client, db):
    page = admin_client.get(compose("site"))
    sent = fields_of(page) | {"name": "Lumière du Nord", "address": "https://lumiere.example"}
    answer = admin_client.post(compose("site"), sent)
    site = Site.objects.get()
    assert answer.url == page_of(site)
    assert (site.key, site.address) == ("lumiere-du-nord", "https://lumiere.example")
    assert len(site.client_key) > 20


def test_site_begins_with_the_language_of_the_person(admin_client, db):
    with translation.override("fr"):
        page = admin_client.get(compose("site"), headers={"Accept-Language": "fr"})
    assert page.context["adminform"].form["default_locale"].value() == "fr"


def test_page_leads_to_slots_keys_and_holdout(admin_client, slot):
    page = text_of(admin_client.get(page_of(slot.site)))
    for url in (
        page_of(slot),
        f"{compose('slot')}?site={slot.site_id}",
        reverse("admin:experiments_site_access", args=[slot.site_id]),
        reverse("admin:experiments_site_holdout", args=[slot.site_id]),
    ):
        assert f'href="{url}"' in page
    assert slot.site.client_key in page


def test_person_who_may_not_see_keys_is_not_led_to_them(viewer_client, slot):
    page = text_of(viewer_client.get(page_of(slot.site)))
    assert reverse("admin:experiments_site_access", args=[slot.site_id]) not in page
    assert compose("slot") not in page
