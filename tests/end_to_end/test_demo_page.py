"""The demo's page: what it says to browsers in which no wording is chosen."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.conftest import PATIENCE

pytestmark = pytest.mark.slow

SIGNALS = {
    "GPC": "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
    "DNT": "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
}
NOTHING = "\N{EN DASH}"
DRIVEN = "Object.defineProperty(navigator, 'webdriver', {value: true})"
NO_STORAGE = """Object.defineProperty(window, "localStorage",
    {get() { throw new DOMException("denied", "SecurityError"); }})"""


@pytest.fixture
def go(demo, chromium):
    """Opens the demo's page as a visitor with these properties; returns it."""
    contexts = []

    def go(*scripts, blocked="", locale="en-GB"):
        context = chromium.new_context(locale=locale)
        contexts.append(context)
        page = context.new_page()
        for script in (PATIENCE, *scripts):
            page.add_init_script(script)
        if blocked:
            page.route(blocked, lambda route: route.abort())
        page.goto(demo.url)
        return page

    yield go
    for context in contexts:
        context.close()


def said(page, case):
    """The sentence of a case; no other one is on the page."""
    notes = page.locator("[data-case]:not([hidden])")
    expect(notes).to_have_count(1)
    expect(notes).to_have_attribute("data-case", case)
    return notes.inner_text()


def test_visitor_is_told_the_arm(go):
    page = go(locale="fr-FR")
    expect(page.locator("#arm")).not_to_have_text(NOTHING)
    assert "Vous voyez la variante" in said(page, "counted")


@pytest.mark.parametrize("signal", SIGNALS)
def test_browser_that_asks_not_to_be_measured_is_told_why(go, signal):
    page = go(SIGNALS[signal])
    assert "asks not to be measured" in said(page, "objects")
    expect(page.get_by_role("button", name="Come back as another visitor")).to_have_count(0)


@pytest.mark.parametrize("script", [DRIVEN, NO_STORAGE], ids=["driven", "no storage"])
def test_browser_in_which_nobody_is_known_is_told_why(go, script):
    page = go(script)
    page.locator("[data-case=nobody]").wait_for()
    assert "nothing is counted" in said(page, "nobody")


def test_blocked_script_is_named(go):
    page = go(blocked="**/cta.js")
    page.locator("[data-case=blocked]").wait_for()
    assert "/cta.js, did not load" in said(page, "blocked")


def test_service_that_does_not_answer_is_named(go):
    page = go(blocked="**/ofrep/**")
    page.locator("[data-case=late]").wait_for()
    assert "No wording came in time" in said(page, "late")


def test_reason_is_in_the_language_of_the_page(go):
    page = go(SIGNALS["GPC"], locale="fr-FR")
    assert "demande à ne pas être mesuré" in said(page, "objects")
