"""Pages of daily work in real Chromium: histories, archive, undo, comments, calendar, templates.

Both languages and widths; every button that posts is clicked twice, and nothing happens twice.
"""

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.accounts.conftest import PASSWORD
from tests.end_to_end.admin_walk import AXE, OVERFLOW, PERSON, AdminVisit
from tests.end_to_end.live_service import LiveService
from tests.end_to_end.test_end_of_test import wait_for_pages
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

# Two sites, one a language, each with three CTAs and two planned tests of one slot that collide.
SITES = """
import json
from datetime import timedelta
from pathlib import Path
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from experiments.models import CTA, Experiment, Membership, Site, Slot
boss = User.objects.create(username="boss", is_staff=True)
now, made = timezone.now(), {}
for language in ("en", "fr"):
    key = f"daily-{language}"
    site = Site.objects.create(key=key, name=key, client_key=f"{key}-client-key",
        default_locale="en", needs_approval=True)
    Membership.objects.create(user=boss, site=site, role="owner")
    ctas = []
    for text in ("Sign up", "Join", "Buy"):
        cta = CTA.objects.create(site=site, name=text, destination="/signup")
        for locale in ("en", "fr"):
            cta.wordings.create(locale=locale, text=text)
        ctas.append(cta)
    slot = Slot.objects.create(site=site, key="top", name="Top", default_cta=ctas[0])
    tests = []
    for name, days in (("Spring", 3), ("Summer", 5)):
        test = Experiment.objects.create(slot=slot, key=f"{key}-{name.lower()}", name=name,
            starts_at=now + timedelta(days=days), ends_at=now + timedelta(days=days + 20))
        for arm in (0, 1):
            test.variants.create(arm=arm, key="cb"[arm], cta=ctas[arm], share="0.5")
        tests.append(test.pk)
    made[language] = {"site": site.pk, "slot": slot.pk, "tests": tests,
        "ctas": [cta.pk for cta in ctas]}
Path(settings.DATA_DIR, "daily.json").write_text(json.dumps(made))
"""
VIEWS = [("en", 1280, "light"), ("fr", 390, "dark")]


@pytest.fixture(scope="module")
def axe():
    node(CLIENTS)
    return (CLIENTS / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    service = LiveService(tmp_path_factory.mktemp("daily"))
    try:
        service.django(f"{PERSON}\n{SITES}")
        wait_for_pages(service)
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def sites(live):
    """The keys of the rows of each site, by language."""
    return json.loads((live.folder / "data" / "daily.json").read_text())


@pytest.fixture
def rows(sites, visit):
    return sites[visit.locale]


def stored(live, query, *values):
    """Read the database with the standard library: independent of the service's own code."""
    with closing(sqlite3.connect(live.folder / "data" / "ctaopt.sqlite3")) as database:
        return [row[0] for row in database.execute(query, values)]


def comments_of(live, test):
    query = "SELECT text FROM experiments_comment WHERE experiment_id = ? ORDER BY id"
    return stored(live, query, test)


@pytest.fixture(params=VIEWS, ids=["en-desk", "fr-phone"])
def visit(request, chromium, live, axe):
    """A superuser's browser; `check` looks at the page that is open."""
    locale, width, scheme = request.param
    size = {"width": width, "height": 900}
    context = chromium.new_context(
        locale=locale, viewport=size, color_scheme=scheme, bypass_csp=True
    )
    visit, said = AdminVisit(context, live), []
    page = visit.page
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    visit.log_in()
    page.wait_for_url("**/admin/")

    def check():
        assert page.evaluate(OVERFLOW) <= 0
        page.evaluate(axe)
        assert page.evaluate(AXE) == []

    yield SimpleNamespace(page=page, locale=locale, open=visit.open, check=check)
    assert said == []
    context.close()


def twice(page, button):
    """Click a button twice, and wait for the page that answers."""
    with page.expect_navigation():
        button.dblclick()
    page.wait_for_load_state("load")


def test_double_clicks_change_undo_and_archive_ctas_once(live, rows, visit):
    page, cta = visit.page, rows["ctas"][2]
    visit.open(f"/admin/experiments/cta/together/?ids={rows['ctas'][1]},{cta}")
    page.locator("[name=size]").select_option("large")
    visit.check()
    twice(page, page.locator("button[name=action][value=apply]"))
    visit.open("/admin/experiments/cta/together/undo/")
    visit.check()
    twice(page, page.locator("button[name=change]").first)
    visit.open(f"/admin/experiments/cta/{cta}/studio/")
    twice(page, page.locator("button[name=action][value=archive]"))
    expect(page.locator("button[name=action][value=restore]")).to_be_visible()
    visit.check()

    query = "SELECT way FROM experiments_edit WHERE kind = 'cta' AND row = ? ORDER BY id"
    assert stored(live, query, cta) == ["together", "undo", "archive"]
    query = "SELECT size FROM experiments_cta WHERE id = ? AND archived_at IS NOT NULL"
    assert stored(live, query, cta) == ["medium"]


def test_double_clicks_comment_save_and_ask_once(live, rows, visit):
    page, test = visit.page, rows["tests"][0]
    visit.open(f"/admin/experiments/experiment/{test}/report/")
    page.fill("#comment-text", "Why <now>?")
    twice(page, page.locator("form:has(#comment-text) button"))
    expect(page.locator(".cta-annotations")).to_contain_text("Why <now>?")
    visit.check()
    visit.open(f"/admin/experiments/experiment/{test}/template/")
    visit.check()
    page.fill("[name=name]", "Weekly")
    twice(page, page.locator("main form button.cta-button-main"))
    visit.open(f"/admin/experiments/experiment/new/?slot={rows['slot']}")
    page.fill("[name=wordings_en]", "Start")
    page.fill("[name=wordings_fr]", "Commencer")
    page.fill("[name=approval_note]", "Please")
    visit.check()
    twice(page, page.locator("button[name=action][value=ask]"))
    page.wait_for_url("**/report/")
    visit.check()

    assert comments_of(live, test) == ["Why <now>?"]
    query = "SELECT name FROM experiments_experimenttemplate WHERE site_id = ?"
    assert stored(live, query, rows["site"]) == ["Weekly"]
    query = "SELECT id FROM experiments_experiment WHERE slot_id = ? ORDER BY id"
    *others, newest = stored(live, query, rows["slot"])
    assert others == rows["tests"]
    query = "SELECT note FROM experiments_change WHERE experiment_id = ? AND kind = 'ask'"
    assert stored(live, query, newest) == ["Please"]


def test_history_and_calendar_are_read(rows, visit):
    page = visit.page
    visit.open(f"/admin/experiments/cta/{rows['ctas'][0]}/change/")
    page.locator("[name=destination]").fill("/join")
    page.locator("[name=_why]").fill("The page moved")
    with page.expect_navigation():
        page.locator("[name=_save]").first.click()
    visit.open(f"/admin/experiments/cta/{rows['ctas'][0]}/history/")
    expect(page.locator("del")).to_have_text("/signup")
    expect(page.locator("ins")).to_have_text("/join")
    expect(page.get_by_text("The page moved")).to_be_visible()
    visit.check()
    visit.open(f"/admin/experiments/experiment/calendar/?site=daily-{visit.locale}")
    # Each of the two names the other.
    expect(page.locator("li .cta-warning")).to_have_count(2)
    expect(page.locator("li .cta-warning").first).to_contain_text("Summer")
    visit.check()


def press_until(page, key, selector):
    """Press a key until the focus is there; as many times as a patient person would."""
    for _ in range(300):
        page.keyboard.press(key)
        if page.evaluate("(one) => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"{key} does not reach {selector}")


def test_comment_and_tags_need_the_keyboard_alone(rows, visit):
    page, test = visit.page, rows["tests"][1]
    visit.open(f"/admin/experiments/experiment/{test}/report/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    press_until(page, "Tab", "#comment-text")
    page.keyboard.type("By keyboard")
    press_until(page, "Tab", "form:has(#comment-text) button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator(".cta-annotations")).to_contain_text("By keyboard")
    press_until(page, "Tab", "section[aria-labelledby=comments] summary")
    page.keyboard.press("Enter")
    press_until(page, "Tab", "[name=tags]")
    page.keyboard.type("spring")
    press_until(page, "Tab", "form:has([name=tags]) button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("[name=tags]")).to_have_value("spring")


def test_lost_session_loses_nothing_that_was_typed(live, rows, visit):
    page, test = visit.page, rows["tests"][1]
    text = "Typed before the session was lost"
    visit.open(f"/admin/experiments/experiment/{test}/report/")
    page.fill("#comment-text", text)
    page.context.clear_cookies(name="sessionid")
    with page.expect_navigation():
        page.locator("form:has(#comment-text) button").click()
    page.fill("[name=login]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/report/")
    expect(page.locator("#comment-text")).to_have_value(text)
    visit.check()
    assert text not in comments_of(live, test)
    with page.expect_navigation():
        page.locator("form:has(#comment-text) button").click()
    expect(page.locator("#comment-text")).to_have_value("")
    assert comments_of(live, test).count(text) == 1
