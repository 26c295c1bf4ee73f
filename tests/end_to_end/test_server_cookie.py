"""The documented cookie of a site's own server, by the real nginx, in a real browser."""

import re
import shutil
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from experiments.management.preflight import free_port
from tests.end_to_end.proxies import nginx_around, started
from tests.end_to_end.snippet import AT_READY
from tests.missing import leave_out

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[2] / "docs" / "embedding.md"
COOKIE = "ctaopt_visitor"
ATTRIBUTES = 'data-domain="shop.localhost"'
DAY_S = 86_400


def documented():
    """The page's configuration, for a site without TLS on shop.localhost."""
    (text,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert "example.org" in text
    return text.replace("example.org", "shop.localhost").replace("; Secure", "")


@pytest.fixture
def origin(site, tmp_path):
    """The site, behind nginx."""
    if shutil.which("nginx") is None:
        leave_out("no nginx (Debian package nginx-light)")
    port, behind = free_port(), site.origin
    server = f"""
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {behind}; }}"""
    main = nginx_around(documented().replace("server {", "server {" + server), tmp_path)
    process = started(["nginx", "-p", str(tmp_path), "-c", str(main)], tmp_path, [port])
    yield f"http://www.shop.localhost:{port}"
    process.terminate()
    process.wait(timeout=240)


@pytest.fixture
def go(visit, site, origin, browser_page):
    """Opens the site's page, through nginx; returns the cookies that the server set with it."""

    def go(attributes=ATTRIBUTES):
        site.origin = origin
        cookies = []
        browser_page.on(
            "response", lambda answer: cookies.append(answer.header_value("set-cookie"))
        )
        visit(attributes=attributes)
        browser_page.evaluate(AT_READY)
        return [cookie for cookie in cookies if cookie]

    return go


def test_server_sends_back_the_cookie_of_the_snippet_as_its_own(go, service, browser_page):
    assert go() == []  # nobody is known yet
    visitor = browser_page.evaluate("ctaopt.visitor()")
    week = f"';domain=shop.localhost;path=/;max-age={7 * DAY_S}'"
    # As Safari has it, which ends a script's cookie after seven days.
    browser_page.evaluate(f"document.cookie = '{COOKIE}={visitor}' + {week}")
    (cookie,) = go()
    assert cookie.startswith(f"{COOKIE}={visitor}; Domain=shop.localhost; Path=/; Max-Age=33955200")
    # As Safari does with what scripts have stored.
    browser_page.evaluate("localStorage.clear()")
    go()
    visitors = {one.context["targetingKey"] for one in service.wait_for_evaluations(3)}
    assert visitors == {visitor}


def set_cookie(origin, value, path="/"):
    """Ask as a browser that holds this cookie; return what the server sets."""
    connection = HTTPConnection("127.0.0.1", urlsplit(origin).port, timeout=10)
    with closing(connection):
        connection.request("GET", path, headers={"Cookie": f"{COOKIE}={value}"})
        answer = connection.getresponse()
        assert (answer.status, answer.read() != b"") == (200, True)
        return answer.headers["Set-Cookie"]


def test_server_sets_it_with_pages_only(origin, site):
    site.pages |= {"/": ["<!doctype html>Page"], "/style.css": ["a {}"]}
    assert set_cookie(origin, "v-1.a_B").startswith(f"{COOKIE}=v-1.a_B; Domain=shop.localhost; ")
    assert set_cookie(origin, "v-1.a_B", "/style.css") is None


@pytest.mark.parametrize("mode", ["off", "cookieless", "delayed", "necessary"])
def test_server_sets_nothing_without_consent(go, browser_page, mode):
    attributes = f'{ATTRIBUTES} data-consent="{mode}"'
    assert (go(attributes), go(attributes)) == ([], [])
    assert browser_page.context.cookies() == []


@pytest.mark.parametrize("value", ["a b", "x" * 201, "", "a%0d%0aX: y", "a|b"])
def test_server_repeats_no_cookie_that_is_no_id(origin, site, value):
    site.pages["/"] = ["<!doctype html>Page"]
    assert set_cookie(origin, value) is None
