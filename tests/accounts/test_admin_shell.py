import re

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from accounts.admin_shell import admin_shell

pytestmark = pytest.mark.django_db
# Links of the menu that the pages of the account have in common.
ACCOUNT_MENU = re.compile(r'<a class="cta-button" href="(/account/[a-z0-9/]+)">([^<]+)</a>')


def test_other_pages_do_not_pay_for_the_frame(ada):
    request = RequestFactory().get("/")
    assert admin_shell(request) == {}


def test_pages_of_the_account_have_the_admin_s_menu(ada, client):
    client.force_login(ada)
    page = client.get("/account/2fa/").content.decode()
    assert "/admin/experiments/experiment/" in page
    assert ACCOUNT_MENU.findall(page) == [
        ("/account/preferences/", "Preferences"),
        ("/account/2fa/", "Second factor"),
        ("/account/sessions/", "Sessions"),
        ("/account/password/", "Change password"),
    ]


def test_person_without_a_password_is_offered_no_change_of_it(client):
    client.force_login(User.objects.create_user("sso", is_staff=True))
    page = client.get("/account/2fa/").content.decode()
    assert [path for path, _ in ACCOUNT_MENU.findall(page)] == [
        "/account/preferences/",
        "/account/2fa/",
        "/account/sessions/",
    ]
