from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import LogInRecord
from accounts.preferences import keep_preference
from tests import factories
from tests.accounts.conftest import PASSWORD, add_totp, is_logged_in, log_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demanded(settings):
    settings.CTAOPT_REQUIRE_SECOND_FACTOR = True


def test_times_are_shown_in_the_zone_of_the_person(ada, client, settings):
    settings.CTAOPT_REQUIRE_SECOND_FACTOR = False
    moment = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    LogInRecord.objects.create(at=moment, kind=LogInRecord.Kind.LOG_IN)
    client.force_login(ada)
    path = "/admin/accounts/loginrecord/"
    assert "20 Nov 2026, 23:30" in client.get(path).content.decode()
    keep_preference(ada, time_zone="Europe/Paris")
    assert "21 Nov 2026, 00:30" in client.get(path).content.decode()
    assert timezone.get_current_timezone_name() == "UTC"


def test_preferences_come_with_the_person_in_one_query(ada, client, settings):
    settings.CTAOPT_REQUIRE_SECOND_FACTOR = False
    client.force_login(ada)
    with CaptureQueriesContext(connection) as queries:
        client.get("/account/preferences/")
    named = [one for one in queries if "accounts_preferences" in one["sql"]]
    assert len(named) == 1
    assert "auth_user" in named[0]["sql"]


@pytest.mark.parametrize("path", ["/cta.js", "/healthz", "/"])
def test_what_visitors_get_depends_on_no_log_in(ada, client, settings, path):
    settings.CTAOPT_REQUIRE_SECOND_FACTOR = False
    keep_preference(ada, language="fr")
    client.force_login(ada)
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    assert not [one for one in queries if "accounts_preferences" in one["sql"]]


@pytest.mark.parametrize("path", ["/admin/", "/admin/auth/user/", "/admin/nowhere/"])
def test_without_a_second_factor_its_set_up_is_all_there_is(ada, client, path):
    log_in(client)
    assert client.get(path).headers["Location"] == "/account/2fa/"
    assert "Set up a second factor first" in client.get("/account/2fa/").content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_api_is_closed_too(ada, client, method):
    log_in(client)
    answer = getattr(client, method)("/api/v1/experiments/")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "second factor" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/account/2fa/", "/account/2fa/webauthn/", "/admin/jsi18n/"])
def test_set_up_is_open(ada, client, path):
    log_in(client)
    assert client.get(path).status_code == 200


def test_with_a_second_factor_everything_is_there(ada, client):
    client.force_login(ada)
    assert not is_logged_in(client)
    add_totp(ada)
    assert is_logged_in(client)


def test_recovery_codes_alone_are_no_second_factor(ada, client):
    client.force_login(ada)
    ada.authenticator_set.create(type="recovery_codes", data={"seed": "x", "used_mask": 0})
    assert not is_logged_in(client)


def test_servers_and_strangers_are_not_asked(client):
    factories.make_server_key(factories.make_site())
    answer = client.get("/api/v1/experiments/", headers={"x-api-key": "shop-server-key"})
    assert answer.status_code == 200
    assert client.get("/account/login/").status_code == 200


def test_nobody_is_asked_unless_the_setting_says_so(ada, client, settings):
    settings.CTAOPT_REQUIRE_SECOND_FACTOR = False
    User.objects.create_superuser("eve", password=PASSWORD)
    log_in(client, "eve")
    assert is_logged_in(client)


REPORT = "/admin/experiments/experiment/1/report/"


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        (f"http://testserver{REPORT}?arm=b", f"{REPORT}?arm=b"),
        ("", "/admin/experiments/experiment/1/comments/"),
        (f"https://evil.example{REPORT}", "/admin/experiments/experiment/1/comments/"),
        ("http://testserver/demo/", "/admin/experiments/experiment/1/comments/"),
        ("http://[", "/admin/experiments/experiment/1/comments/"),
    ],
    ids=["own page", "unknown", "another's", "no page of the admin", "no address"],
)
def test_form_without_a_session_leads_back_to_its_page(client, db, referer, page):
    path = "/admin/experiments/experiment/1/comments/"
    answer = client.post(path, {"text": "Why?"}, headers={"referer": referer})
    assert answer.status_code == 302
    assert answer.url == f"/admin/login/?{urlencode({'next': page}, safe='/')}"


def test_page_without_a_session_leads_back_to_itself(client, db):
    answer = client.get(
        "/admin/experiments/cta/", headers={"referer": f"http://testserver{REPORT}"}
    )
    assert answer.url == "/admin/login/?next=/admin/experiments/cta/"
