"""The examples of docs/examples, against the real service, in a real browser."""

import email
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from email.policy import default
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from experiments.management.preflight import free_port
from tests.end_to_end.conftest import PATIENCE
from tests.end_to_end.live_service import LiveService, wait_for_port
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "docs" / "examples"
KEY = "demo-client-key"
HERO = "[data-cta-slot=hero-signup]"
FILLED = re.compile(".+")
SIGNUP = "Page d'inscription"


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    service = LiveService(tmp_path_factory.mktemp("live"))
    yield service
    service.stop()


@pytest.fixture
def copy(live, tmp_path):
    """Copy an example, with the service's address and key put in as its reader would."""

    def copy(name):
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder)
        for path in folder.iterdir():
            text = path.read_text().replace("https://cta.example.org", live.url)
            path.write_text(text.replace("CLIENT_KEY", KEY))
        return folder

    return copy


@pytest.fixture
def start(live):
    """Start an example's own server on a free port; return its address."""
    processes = []

    def start(command, *, cwd, port, **environment):
        settings = {"CTAOPT_URL": live.url, "CTAOPT_KEY": KEY, "PORT": str(port)}
        process = subprocess.Popen(command, cwd=cwd, env=os.environ | settings | environment)
        processes.append(process)
        wait_for_port(port)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=240)


@pytest.fixture
def host(site):
    """Put an example's files on a site of its own; return its address."""

    def host(folder, *pages):
        for path in folder.iterdir():
            if path.suffix in {".html", ".js", ".css"}:
                site.pages[f"/{path.name}"] = [path.read_text()]
        for page in ("/", *pages):
            site.pages.setdefault(page, site.pages.get("/index.html", [SIGNUP]))
        return site.origin

    return host


@pytest.fixture
def counted(live):
    """Wait for so many new events; return (type, visitor, variant, goal) of each."""
    query = (
        "SELECT e.type, e.visitor, v.key, e.goal FROM experiments_event e "
        "LEFT JOIN experiments_variant v ON v.id = e.variant_id ORDER BY e.event_id"
    )

    def rows():
        with closing(sqlite3.connect(live.folder / "data" / "ctaopt.sqlite3")) as database:
            return database.execute(query).fetchall()

    before = set(rows())

    def counted(n_events):
        deadline = monotonic() + 240
        while len(found := [row for row in rows() if row not in before]) < n_events:
            assert monotonic() < deadline, found
            sleep(0.1)
        return found

    return counted


@pytest.fixture
def page(browser_context):
    page = browser_context.new_page()
    page.add_init_script(PATIENCE)
    return page


def test_plain_html_asks_for_consent_and_counts(copy, host, site, live, page, counted):
    origin = host(copy("html"))
    site.policy = f"default-src 'none'; script-src 'self' {live.url}; style-src 'self'; "
    site.policy += f"connect-src {live.url}"
    page.goto(origin)
    expect(page.locator(HERO)).to_have_attribute("data-cta-variant", FILLED)
    assert page.evaluate("Object.keys(localStorage)") == []
    page.get_by_text("Oui").click()
    page.get_by_text("Commander").click()
    events = counted(2)
    assert {row[0] for row in events} == {"exposure", "conversion"}
    assert {row[1] for row in events} == {live.digest_of(page.evaluate("ctaopt.visitor()"))}
    page.reload()
    expect(page.locator("#consent")).to_be_hidden()


def test_react_application_changes_pages_and_renders_again(copy, host, page, counted):
    folder = copy("react")
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    build = ["main.jsx", "--bundle", "--minify", "--jsx=automatic", "--outfile=app.js"]
    esbuild = "node_modules/esbuild/bin/esbuild"
    subprocess.run([node(CLIENTS), esbuild, *build, "--log-level=error"], cwd=folder, check=True)
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(host(folder, "/tarifs"))
    expect(page.locator(HERO)).to_have_attribute("data-cta-variant", FILLED)
    shown = page.locator(HERO).inner_text()
    page.get_by_text("Rendu 0").click()
    expect(page.get_by_text("Rendu 1")).to_be_visible()
    assert page.locator(HERO).inner_text() == shown
    page.get_by_text("Tarifs").click()
    expect(page.locator("[data-cta-slot=library-home][data-cta-variant=default]")).to_be_visible()
    page.get_by_text("Commander").click()
    page.get_by_text("Accueil").click()
    expect(page.locator(HERO)).to_have_text(shown)
    # One exposure of a load, however many views of the arm it has; a conversion between two.
    events = counted(2)
    assert sorted(row[0] for row in events) == ["conversion", "exposure"]
    assert len({row[1] for row in events}) == 1
    assert errors == []


def assert_rendered_and_counted(page, url, counted, live, *, source):
    """The CTA stands in the page's source; exposure and click are the cookie's visitor's."""
    variant = re.search(r'data-cta-variant="(\w+)"', source)[1]
    page.goto(url)
    link = page.locator(HERO)
    expect(link).to_have_attribute("data-cta-variant", variant)
    expect(link).to_have_attribute("lang", "fr")
    assert counted(1)[0][0] == "exposure"
    link.click()
    events = counted(2)
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "ctaopt_visitor"]
    visitor = live.digest_of(cookie["value"])
    assert {row[:3] for row in events} == {
        (kind, visitor, variant) for kind in ("exposure", "click")
    }


def test_django_site_renders_and_the_snippet_counts(start, page, counted, live):
    port = free_port()
    command = [sys.executable, str(EXAMPLES / "django" / "shop.py")]
    command += ["runserver", f"127.0.0.1:{port}", "--noreload"]
    url = start(command, cwd=PROJECT, port=port, PYTHONPATH=str(PROJECT), DJANGO_SETTINGS_MODULE="")
    first = page.context.request.get(url)
    assert first.headers["cache-control"] == "private, no-store"
    assert_rendered_and_counted(page, url, counted, live, source=first.text())


def test_node_server_renders_through_openfeature(start, copy, page, counted, live):
    folder, port = copy("node"), free_port()
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    url = start([node(CLIENTS), "server.mjs"], cwd=folder, port=port)
    first = page.context.request.get(url)
    assert first.headers["cache-control"] == "private, no-store"
    assert_rendered_and_counted(page, url, counted, live, source=first.text())


@pytest.fixture
def outbox(live, tmp_path, host, copy):
    """The mails of two recipients, as send.py wrote them; a second run changes nothing."""
    recipients, folder = tmp_path / "recipients.csv", tmp_path / "outbox"
    recipients.write_text("id,email,locale\nr-1,a@example.org,fr\nr-2,b@example.org,fr\n")
    landing = f"{host(copy('email'))}/landing.html"
    command = [sys.executable, str(EXAMPLES / "email" / "send.py"), str(recipients), str(folder)]
    command += ["--slot", "hero-signup", "--landing", landing]
    environment = os.environ | {"CTAOPT_URL": live.url, "CTAOPT_KEY": "demo-server-key"}
    said = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert "'accepted': 2, 'duplicates': 0" in said[0]
    assert "'accepted': 0, 'duplicates': 2" in said[1]
    return {path.stem: path for path in folder.glob("*.eml")}


def link_of(path):
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    html = message.get_body(("html",)).get_content()
    return re.search('href="([^"]+)"', html)[1].replace("&amp;", "&"), html


def test_mail_says_the_arms_wording_and_names_it_in_its_link(outbox):
    assert outbox.keys() == {"r-1", "r-2"}
    for name, path in outbox.items():
        link, html = link_of(path)
        tags = {key: value for key, (value,) in parse_qs(urlsplit(link).query).items()}
        assert (tags["cta_slot"], tags["cta_visitor"]) == ("hero-signup", name)
        assert tags["cta_experiment"] == "hero-signup-fr"
        assert 'lang="fr" dir="ltr"' in html


def test_click_in_a_mail_counts_once_when_a_person_comes(outbox, page, counted, live):
    link, _ = link_of(outbox["r-1"])
    page.goto(link)
    page.wait_for_timeout(500)
    # A scanner that runs scripts gets no further; what it could make up is not trusted.
    page.evaluate("dispatchEvent(new PointerEvent('pointermove'))")
    # A browser moves a resting pointer itself, by nothing.
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    assert counted(0) == []
    assert "cta_" not in page.url
    page.mouse.move(50, 50)
    (click,) = counted(1)
    assert click[:2] == ("click", live.digest_of("r-1"))
    page.mouse.move(90, 90)
    page.reload()
    page.mouse.move(20, 20)
    page.keyboard.press("Tab")
    page.wait_for_timeout(500)
    assert counted(0) == [click]
