"""Refusals as people meet them: pages in their language, with a way back, and nothing else."""

import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client, RequestFactory

from ctaopt.refusals import refusal_page
from ctaopt.refusals.refusal_page import REFUSALS, refusal_page_for
from tests import factories

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


def bad_query(client, **_):
    return client.get("/admin/?q=%00")


def foreign_host(client, **_):
    return client.get("/admin/", headers={"Host": "evil.example"})


def too_low_a_role(client, **_):
    client.force_login(factories.make_member(factories.make_site(), "viewer"))
    return client.get("/admin/experiments/site/erase-visitor/")


def refused_form(client, **_):
    client.force_login(factories.make_member(factories.make_site(), "viewer"))
    return client.get("/admin/experiments/historyarm/add/")


def without_a_token(client, **_):
    strict = Client(enforce_csrf_checks=True, headers=client.headers_of_browser)
    return strict.post("/account/login/", {"login": "x", "password": "y"})


def no_such_page(client, **_):
    return client.get("/no-such-page/")


def no_such_row(client, admin_user, **_):
    client.force_login(admin_user)
    return client.get("/admin/experiments/experiment/99/report/")


def wrong_method(client, admin_user, **_):
    client.force_login(admin_user)
    return client.get("/admin/experiments/job/train/")


def body_without_a_length(client, **_):
    request = RequestFactory().post("/account/login/")
    given = {**request.environ, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.request(**given, **client.defaults)


def endless_body(client, settings, **_):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    return client.post("/account/login/", {"login": "x" * 2_000})


def many_passwords(client, settings, **_):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    cache.clear()
    client.post("/account/login/", {"login": "a", "password": "b"})
    return client.post("/account/login/", {"login": "a", "password": "b"})


def fault_of_ours(client, monkeypatch, admin_user, **_):
    client.force_login(admin_user)
    monkeypatch.setattr("experiments.pages.home.render", failing(KeyError("inner secret")))
    return client.get("/")


def silent_database(client, monkeypatch, **_):
    client.cookies["sessionid"] = "a" * 32
    monkeypatch.setattr(
        "django.db.backends.utils.CursorWrapper.execute", failing(OperationalError("gone"))
    )
    return client.get("/admin/")


WAYS = [
    (bad_query, 400),
    (foreign_host, 400),
    (too_low_a_role, 403),
    (refused_form, 403),
    (without_a_token, 403),
    (no_such_page, 404),
    (no_such_row, 404),
    (wrong_method, 405),
    (body_without_a_length, 411),
    (endless_body, 413),
    (many_passwords, 429),
    (fault_of_ours, 500),
    (silent_database, 503),
]


class Page(HTMLParser):
    """Language, links and texts of a page."""

    def __init__(self, body):
        super().__init__()
        self.language, self.links, self.texts, self.tags = "", [], [], set()
        self.feed(body)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        given = dict(attrs)
        if tag == "html":
            self.language = given["lang"]
        if tag == "a":
            self.links.append(given["href"])

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def browser(db, request):
    def made(language):
        headers = {"Accept": BROWSER, "Accept-Language": language}
        client = Client(headers=headers, raise_request_exception=False)
        client.headers_of_browser = headers
        return client

    return made


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("way", "status"), WAYS, ids=lambda one: getattr(one, "__name__", one))
def test_refusal_is_a_page_with_a_way_back(
    browser, way, status, language, settings, monkeypatch, admin_user
):
    with monkeypatch.context() as patch:
        answer = way(browser(language), settings=settings, monkeypatch=patch, admin_user=admin_user)
    body = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        status,
        "text/html; charset=utf-8",
    )
    page = Page(body)
    assert page.language == language
    assert "/" in page.links
    # No shell of the admin, no script, no cause.
    assert page.tags.isdisjoint({"script", "form", "nav", "aside"})
    assert not re.search(r"Traceback|Error\b(?! code)|secret|CSRF|/admin/", "".join(page.texts))


def test_words_of_each_number_are_of_one_language(french):
    for status in REFUSALS:
        own = refusal_page_for(status, "text/html", "fr-CA, en;q=0.5")
        other = refusal_page_for(status, "text/html", "de, en;q=0.5")
        assert 'lang="fr"' in own
        assert 'lang="en"' in other
        assert str(REFUSALS[status].heading) in own
        assert str(REFUSALS[status].heading) not in other


@pytest.fixture
def french():
    with refusal_page.override("fr"):
        yield


def test_program_gets_no_page():
    assert refusal_page_for(503, "application/json", "en") == ""
    assert refusal_page_for(503, "*/*", "") == ""


def test_person_reads_in_the_language_of_the_account(browser, admin_user):
    client = browser("en")
    client.force_login(admin_user)
    client.post("/i18n/setlang/", {"language": "fr"})
    assert Page(client.get("/admin/no-such-page/").content.decode()).language == "fr"


def test_back_leads_to_the_page_before_and_to_no_other_host(browser):
    client = browser("en")
    came = client.get("/no-such-page/", headers={"Referer": "http://testserver/calculators/x/"})
    assert "http://testserver/calculators/x/" in Page(came.content.decode()).links
    for elsewhere in ("https://evil.example/", "javascript:alert(1)", "http://testserver/gone/"):
        page = client.get("/gone/", headers={"Referer": elsewhere})
        assert Page(page.content.decode()).links == ["/", "/"]


def test_script_of_a_page_gets_the_number_alone(browser, admin_user):
    client = browser("en")
    client.force_login(admin_user)
    answer = client.get("/admin/experiments/job/train/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (405, b"")


def test_program_gets_the_number_alone(browser, admin_user):
    client = browser("en")
    client.force_login(admin_user)
    asked = {"Accept": "application/json"}
    answer = client.get("/admin/experiments/job/train/", headers=asked)
    assert (answer.status_code, answer.content) == (405, b"")


def test_page_is_shown_where_static_files_are_missing(settings, tmp_path):
    # A demo of this checkout has collected them where they usually are.
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "experiments.pages.static_files.Storage"}
    }
    assert "stylesheet" not in refusal_page_for(500, "text/html", "en")


def test_endless_body_says_what_to_do(browser, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    request = RequestFactory().post("/account/login/")
    given = {**request.environ, "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    answer = browser("en").request(**given | {"wsgi.input": BytesIO(b"x" * 5_000)})
    assert answer.status_code == 413
    assert "in several parts" in answer.content.decode()
