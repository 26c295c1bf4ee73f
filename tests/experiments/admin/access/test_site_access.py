from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from experiments.models import FormerClientKey, Site
from experiments.services.catalogue.access_log import Actor, Kind, record_access
from tests import factories
from tests.factories import NOW


@pytest.fixture
def url(site):
    return reverse("admin:experiments_site_access", args=[site.pk])


def test_client_key_is_rotated_with_an_overlap(admin_client, site, url):
    assert admin_client.post(url, {"overlap": "90"}).status_code == 302
    site.refresh_from_db()
    former = FormerClientKey.objects.get()
    left = former.expires_at - timezone.now()
    assert (former.key, round(left / timedelta(days=1))) == ("shop-client-key", 90)
    page = admin_client.get(url).content.decode()
    assert f'<code id="client-key">{site.client_key}</code>' in page
    assert 'data-copy="client-key"' in page
    assert "shop-client-key" in page
    assert "Client key rotated" in page


def test_overlap_is_ended_early(admin_client, site, url):
    admin_client.post(url, {"overlap": "90"})
    admin_client.post(url, {"end": "shop-client-key"})
    assert FormerClientKey.objects.get().expires_at <= timezone.now()
    assert "Close now" not in admin_client.get(url).content.decode()


def test_former_key_of_another_site_is_not_ended(admin_client, other_site, url):
    in_a_year = timezone.now() + timedelta(days=365)
    other_site.former_client_keys.create(key="theirs", replaced_at=NOW, expires_at=in_a_year)
    assert admin_client.post(url, {"end": "theirs"}).status_code == 404
    assert FormerClientKey.objects.get().expires_at == in_a_year


@pytest.mark.parametrize("overlap", ["-1", "366", "soon", ""])
def test_unclear_overlap_changes_nothing(admin_client, site, url, overlap):
    assert admin_client.post(url, {"overlap": overlap}).status_code == 200
    assert Site.objects.get().client_key == "shop-client-key"


def test_history_of_access_shows_its_own_site_only(admin_client, site, other_site, url, owner):
    record_access(
        site, Kind.ERASED, at=NOW, by=Actor(server_key="crm (ctaopt_ab…)"), note="events: 2"
    )
    record_access(other_site, Kind.ERASED, at=NOW, by=Actor(author=owner), note="events: 77")
    page = admin_client.get(url).content.decode()
    assert "crm (ctaopt_ab…)" in page
    assert "events: 77" not in page


def test_marketer_sees_no_keys(site, url):
    client = Client()
    client.force_login(factories.make_member(site, "marketer"))
    assert client.get(url).status_code == 403
    assert client.post(url, {"overlap": "0"}).status_code == 403
    assert Site.objects.get().client_key == "shop-client-key"


def test_client_key_is_generated_and_never_typed(admin_client, db):
    add = reverse("admin:experiments_site_add")
    assert 'name="client_key"' not in admin_client.get(add).content.decode()
    sent = {
        "key": "news",
        "name": "News",
        "client_key": "typed",
        "default_locale": "en",
        "holdout": "0",
        "minimum_visitors": "100",
        "minimum_conversions": "20",
        "minimum_days": "7",
        "brand_background_color": "#1d4ed8",
        "brand_text_color": "#ffffff",
        "time_zone": "Europe/Paris",
        "teaches_others": "unknown",
    }
    admin_client.post(add, sent)
    site = Site.objects.get(key="news")
    assert site.client_key.startswith("ctaopt_client_")
    change = reverse("admin:experiments_site_change", args=[site.pk])
    admin_client.post(change, sent)
    assert Site.objects.get(key="news").client_key == site.client_key
    assert (
        f'<code id="client-key">{site.client_key}</code>'
        in admin_client.get(change).content.decode()
    )


def test_lines_of_a_deleted_account_are_not_the_command_line_s(admin_client, site, url):
    eve = factories.make_person("eve")
    for by, key in ((Actor(author=eve), "by eve"), (Actor(), "by a command")):
        record_access(site, Kind.KEY_MADE, at=NOW, by=by, key=key)
    eve.delete()
    assert admin_client.get(url).content.decode().count("deleted account") == 1
    history = reverse("admin:experiments_site_history", args=[site.pk])
    page = admin_client.get(history).content.decode()
    assert (page.count("deleted account"), page.count("the service")) == (1, 1)
