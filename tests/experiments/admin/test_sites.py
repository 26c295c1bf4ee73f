"""Pages of a site: its form, what a verdict needs there, and its holdout."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.models import Site
from tests import factories


def site_form(**changes):
    values = {
        "key": "news",
        "name": "News",
        "client_key": "news-key",
        "default_locale": "en",
        "holdout": "0",
        "minimum_visitors": "100",
        "minimum_conversions": "20",
        "minimum_days": "7",
        "brand_background_color": "#1d4ed8",
        "brand_text_color": "#ffffff",
        "time_zone": "UTC",
    }
    return values | changes


def test_site_keeps_its_internal_traffic_a_line_each(admin_client):
    lines = {"internal_networks": "192.0.2.0/24\n2001:db8::/32\n", "internal_visitors": "staff-"}
    admin_client.post(reverse("admin:experiments_site_add"), site_form(**lines))
    site = Site.objects.get(key="news")
    assert site.internal_networks == ["192.0.2.0/24", "2001:db8::/32"]
    assert site.internal_visitors == ["staff-"]


def test_site_form_names_what_is_no_network(admin_client, db):
    form = site_form(internal_networks="192.0.2.1/24")
    page = admin_client.post(reverse("admin:experiments_site_add"), form).content.decode()
    assert "192.0.2.1/24 is not a range of addresses" in page
    assert not Site.objects.exists()


def test_site_sets_what_a_verdict_needs(admin_client, db):
    form = site_form(minimum_visitors="5000", minimum_conversions="200", minimum_days="14")
    admin_client.post(reverse("admin:experiments_site_add"), form)
    site = Site.objects.get(key="news")
    needs = (site.minimum_visitors, site.minimum_conversions, site.minimum_days)
    assert needs == (5_000, 200, 14)


@pytest.mark.parametrize(
    "change", [{"minimum_visitors": "99"}, {"minimum_conversions": "19"}, {"minimum_days": "0"}]
)
def test_site_cannot_ask_for_less_than_the_intervals_need(admin_client, db, change):
    admin_client.post(reverse("admin:experiments_site_add"), site_form(**change))
    assert not Site.objects.exists()


def test_site_takes_a_time_zone_by_its_name(admin_client, db):
    url = reverse("admin:experiments_site_add")
    admin_client.post(url, site_form(time_zone="UTC+2"))
    assert not Site.objects.exists()
    admin_client.post(url, site_form(time_zone="Europe/Paris"))
    assert Site.objects.get().zone == ZoneInfo("Europe/Paris")


def holdout_page(client, site, **query):
    url = reverse("admin:experiments_site_holdout", args=[site.pk])
    return client.get(url, query).content.decode()


def test_page_of_the_holdout_compares_by_a_goal(admin_client, slot):
    assert "This site holds nobody out" in holdout_page(admin_client, slot.site)
    Site.objects.update(holdout="0.2")
    assert "No experiment of this site counts a goal." in holdout_page(admin_client, slot.site)
    experiment = factories.make_running_experiment(slot, goal="order")
    assert "Nobody has reached" not in holdout_page(admin_client, slot.site)
    page = holdout_page(admin_client, slot.site, goal="order", days="28")
    assert "Nobody has reached this goal in this time." in page
    for number in range(40):
        factories.make_event(
            experiment.variants.first(),
            visitor=f"v-{number}",
            kind="conversion",
            at=timezone.now(),
            goal="order",
        )
    page = holdout_page(admin_client, slot.site, goal="order", days="28")
    assert "Lift of all others over those held out" in page
    assert "20.00%" in page
    listed = admin_client.get(reverse("admin:experiments_site_changelist")).content.decode()
    assert "20.0%" in listed


def test_page_of_the_holdout_is_closed_to_a_stranger(client, stranger, site):
    client.force_login(stranger)
    url = reverse("admin:experiments_site_holdout", args=[site.pk])
    assert client.get(url).status_code in (302, 403)


def test_pale_brand_colours_are_refused(admin_client, db):
    url = reverse("admin:experiments_site_add")
    pale = site_form(brand_background_color="#ffffff", brand_text_color="#999999")
    answer = admin_client.post(url, pale)
    assert set(answer.context["adminform"].form.errors) == {"brand_text_color"}
    assert not Site.objects.exists()
    admin_client.post(url, site_form(brand_background_color="#7c2d12"))
    assert Site.objects.get().brand_background_color == "#7c2d12"


def test_holdout_of_a_site_is_asked_in_per_cent(admin_client, db):
    add = reverse("admin:experiments_site_add")
    admin_client.post(add, site_form(holdout="12,5 %"))
    site = Site.objects.get(key="news")
    assert site.holdout == Decimal("0.125")
    change = reverse("admin:experiments_site_change", args=[site.pk])
    assert 'value="12.5"' in admin_client.get(change).content.decode()


@pytest.mark.parametrize(
    ("wrong", "note"),
    [
        ({"holdout": "60"}, "Corrigez l\u2019erreur ci-dessous."),
        ({"holdout": "60", "name": ""}, "Corrigez les erreurs ci-dessous."),
    ],
)
def test_form_counts_its_errors_in_the_reader_s_language(admin_client, db, wrong, note):
    add = reverse("admin:experiments_site_add")
    answer = admin_client.post(add, site_form(**wrong), HTTP_ACCEPT_LANGUAGE="fr")
    page = answer.content.decode()
    assert note in page
    assert "Écrivez un pourcentage de 0 à 50." in page
    assert "à 0.5" not in page
