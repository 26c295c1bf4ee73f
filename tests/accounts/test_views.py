import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Preferences
from tests.accounts.conftest import PASSWORD, is_logged_in, log_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(ada):
    """Two browsers in which Ada is logged in."""
    clients = Client(), Client()
    for client in clients:
        log_in(client, headers={"user-agent": "Browser"})
    return clients


def test_one_session_is_ended_and_no_other(two):
    here, there = two
    other = UserSession.objects.get(session_key=there.session.session_key)
    assert "Browser" in here.get("/account/sessions/").content.decode()
    here.post(f"/account/sessions/{other.pk}/end/")
    assert is_logged_in(here)
    assert not is_logged_in(there)


def test_all_other_sessions_are_ended(two):
    here, there = two
    here.post("/account/sessions/")
    assert (is_logged_in(here), is_logged_in(there)) == (True, False)


def test_session_of_somebody_else_is_not_found(two):
    here, _ = two
    User.objects.create_superuser("eve", password=PASSWORD)
    eve = Client()
    log_in(eve, "eve")
    session = UserSession.objects.get(session_key=here.session.session_key)
    assert eve.post(f"/account/sessions/{session.pk}/end/").status_code == 404
    assert eve.get(f"/account/sessions/{session.pk}/end/").status_code == 405
    assert is_logged_in(here)


def test_password_changes_here_and_ends_the_other_sessions(two):
    here, there = two
    new = {"password1": "another long sentence", "password2": "another long sentence"}
    here.post("/account/password/", {"oldpassword": PASSWORD, **new})
    assert (is_logged_in(here), is_logged_in(there)) == (True, False)
    assert log_in(Client(), password="another long sentence").status_code == 302


@pytest.mark.parametrize("password", ["short one 1", "ada@example.org", "1qaz2wsx3edc"])
def test_weak_password_is_refused(ada, client, password):
    log_in(client)
    sent = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert client.post("/account/password/", sent).context["form"].errors
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_person_of_single_sign_on_gets_no_password(client):
    client.force_login(User.objects.create_user("sso", is_staff=True))
    assert client.get("/account/password/").status_code == 403
    assert "/account/password/" not in client.get("/admin/").content.decode()


def test_menu_leads_to_the_account(ada, client):
    log_in(client)
    page = client.get("/admin/").content.decode()
    for path in ("/account/2fa/", "/account/sessions/", "/account/password/"):
        assert f'href="{path}"' in page


def preferences_page(client, **values):
    if not values:
        return client.get("/account/preferences/").content.decode()
    return client.post("/account/preferences/", values, follow=True).content.decode()


def test_preferences_hold_in_another_browser_whatever_it_asks_for(two):
    here, there = two
    said = preferences_page(here, language="fr", time_zone="Europe/Paris", theme="dark")
    assert "Vos préférences sont enregistrées." in said
    there.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = there.get("/account/sessions/")
    assert page.headers["Content-Language"] == "fr"
    body = page.content.decode()
    assert '<html lang="fr"' in body
    assert """localStorage.setItem("adminTheme", '"dark"')""" in body


def test_refused_preferences_are_still_in_the_form(two):
    here, _ = two
    page = preferences_page(here, language="fr", time_zone="Mars/Base")
    assert "Mars/Base" in page
    assert 'value="fr" selected' in page
    assert not Preferences.objects.exists()


def test_language_chosen_in_the_menu_is_kept_with_the_person(two):
    here, there = two
    here.post("/i18n/setlang/", {"language": "fr", "next": "/admin/"})
    assert '<html lang="fr"' in there.get("/admin/").content.decode()


@pytest.mark.parametrize(("method", "language"), [("post", "de"), ("post", ""), ("get", "fr")])
def test_language_that_is_none_is_not_kept(two, method, language):
    here, _ = two
    getattr(here, method)("/i18n/setlang/", {"language": language})
    assert not Preferences.objects.exists()


def test_language_of_nobody_is_kept_by_the_browser_alone(client):
    answer = client.post("/i18n/setlang/", {"language": "fr"})
    assert answer.cookies["django_language"].value == "fr"
    assert not Preferences.objects.exists()


def test_appearance_switched_in_the_menu_is_kept(two):
    here, there = two
    assert here.post("/account/preferences/theme/", {"theme": "dark"}).status_code == 204
    assert "adminTheme" in there.get("/admin/").content.decode()
    assert here.post("/account/preferences/theme/", {"theme": "pink"}).status_code == 400
    assert here.get("/account/preferences/theme/").status_code == 405
    assert Preferences.objects.get().theme == "dark"
