import pytest
from django.template import engines
from django.test import RequestFactory

from accounts.admin_shell import admin_shell

pytestmark = pytest.mark.django_db


def test_other_pages_do_not_pay_for_the_frame(ada):
    request = RequestFactory().get("/")
    assert admin_shell(request) == {}


def test_pages_of_the_account_have_the_admin_s_menu(ada, client):
    client.force_login(ada)
    page = client.get("/account/2fa/").content.decode()
    assert "/admin/experiments/experiment/" in page
    assert engines["django"] is not None
