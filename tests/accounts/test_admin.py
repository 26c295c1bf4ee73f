import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin

from accounts.models import LogInRecord
from tests import factories
from tests.accounts.conftest import log_in

pytestmark = pytest.mark.django_db


def test_list_shows_and_filters_what_happened(ada, client):
    log_in(client, password="wrong")
    log_in(client)
    page = client.get("/admin/accounts/loginrecord/?kind__exact=failure")
    assert [row.kind for row in page.context["cl"].result_list] == ["failure"]
    assert client.get("/admin/accounts/loginrecord/?q=ada").status_code == 200


@pytest.mark.parametrize("page", ["add/", "{pk}/delete/"])
def test_nobody_edits_the_log(ada, client, page):
    log_in(client)
    pk = LogInRecord.objects.latest("pk").pk
    assert client.get(f"/admin/accounts/loginrecord/{page.format(pk=pk)}").status_code == 403
    answer = client.post(f"/admin/accounts/loginrecord/{pk}/change/", {"kind": "log_in"})
    assert answer.status_code == 403


def test_log_is_for_superusers(client):
    client.force_login(factories.make_member(factories.make_site(), "owner"))
    assert client.get("/admin/accounts/loginrecord/").status_code == 403
    assert "/admin/accounts/" not in client.get("/admin/").content.decode()


def test_second_factors_are_not_to_be_read_in_the_admin():
    assert not admin.site.is_registered(Authenticator)
