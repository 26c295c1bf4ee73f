"""Whom the browser snippet knows, what it says of them, and when it says nothing."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import AT_READY, assert_default, flag

HIDE_LOCAL_STORAGE = """Object.defineProperty(window, "localStorage",
    {get() { throw new DOMException("denied", "SecurityError"); }})"""
pytestmark = pytest.mark.slow


def stored(page):
    return page.evaluate("Object.keys(localStorage)")


def test_evaluation_describes_the_visitor_and_the_page(visit, service, site):
    path = "/landing?utm_source=mail&utm_campaign=may&token=x"
    page = visit(path=path)
    (evaluation,) = service.wait_for_evaluations(1)
    assert evaluation.headers["authorization"] == "Bearer k-1"
    assert evaluation.context == {
        "targetingKey": page.evaluate("ctaopt.visitor()"),
        "locale": "fr",
        "device": "desktop",
        "url": site.origin + path,
        "path": "/landing",
        "referrer": "",
        "new_visitor": True,
        "utm_source": "mail",
        "utm_campaign": "may",
    }


@pytest.mark.parametrize(
    ("agent", "touch_points", "device"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", 5, "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/156.0 Mobile Safari/537.36", 5, "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; SM-X910) Chrome/156.0 Safari/537.36", 5, "tablet"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605", 5, "tablet"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605", 0, "desktop"),
    ],
    ids=["iPhone", "Android phone", "Android tablet", "iPad", "Mac"],
)
def test_device_is_recognised(visit, service, browser_page, agent, touch_points, device):
    for name, value in {"userAgent": repr(agent), "maxTouchPoints": touch_points}.items():
        browser_page.add_init_script(
            f"Object.defineProperty(navigator, '{name}', {{get: () => {value}}})"
        )
    visit()
    assert service.wait_for_evaluations(1)[0].context["device"] == device


def test_visitor_stays_the_same_and_stops_being_new(visit, service):
    page = visit()
    page.evaluate("localStorage['ctaopt.since'] = Date.now() - 31 * 60 * 1000")
    page.reload()
    first, second = (evaluation.context for evaluation in service.wait_for_evaluations(2))
    assert first["targetingKey"] == second["targetingKey"]
    assert (first["new_visitor"], second["new_visitor"]) == (True, False)


def test_site_can_name_the_visitor(visit, service):
    page = visit(attributes='data-visitor="customer-7"')
    assert service.wait_for_evaluations(1)[0].context["targetingKey"] == "customer-7"
    assert page.evaluate("ctaopt.visitor()") == "customer-7"
    assert "ctaopt.visitor" not in stored(page)


SIGNALS = [("globalPrivacyControl", "true"), ("doNotTrack", "'1'")]


@pytest.mark.parametrize(("signal", "value"), SIGNALS)
def test_privacy_signal_is_honoured(visit, service, browser_page, signal, value):
    browser_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{signal}', {{get: () => {value}}})"
    )
    page = visit()
    page.evaluate(f"{AT_READY}.then(() => {{ctaopt.convert('end'); return ctaopt.refresh()}})")
    assert_default(page)
    assert page.evaluate("ctaopt.visitor()") is None
    assert (service.evaluations, service.events, stored(page)) == ([], [], [])


@pytest.mark.parametrize(("signal", "value"), SIGNALS)
def test_site_may_ignore_privacy_signals(visit, service, browser_page, signal, value):
    browser_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{signal}', {{get: () => {value}}})"
    )
    service.flags = [flag()]
    expect(visit(attributes='data-signals="ignore"').locator("a")).to_have_text("Start for free")


def test_nothing_happens_before_consent(visit, service):
    service.flags = [flag()]
    page = visit(attributes='data-consent="required"')
    page.evaluate(f"{AT_READY}.then(() => {{ctaopt.convert('end'); return ctaopt.refresh()}})")
    assert_default(page)
    assert (service.evaluations, service.events, stored(page)) == ([], [], [])
    page.evaluate("ctaopt.consent(true)")
    expect(page.locator("a")).to_have_text("Start for free")
    service.wait_for_events(1)


def test_consent_can_be_taken_back(visit, service):
    service.flags = [flag(style={"background_color": "#102030", "icon": "→"})]
    page = visit()
    service.wait_for_events(1)
    page.evaluate("ctaopt.consent(false)")
    assert_default(page)
    expect(page.locator("a")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    page.evaluate("ctaopt.convert('end')")
    assert (page.evaluate("ctaopt.visitor()"), stored(page)) == (None, [])
    assert len(service.events) == 1


def test_consent_taken_back_while_the_answer_is_awaited(visit, service):
    service.flags = [flag()]
    service.gate.clear()
    page = visit()
    service.wait_for_evaluations(1)
    page.evaluate("ctaopt.consent(false)")
    with page.expect_response("**/ofrep/v1/evaluate/flags"):
        service.gate.set()
    assert_default(page)
    assert stored(page) == []


@pytest.mark.parametrize("given", [True, False])
def test_consent_can_come_before_the_snippet(visit, service, given):
    service.flags = [flag()]
    early = f"<script>(window.ctaopt ||= []).push(['consent', {str(given).lower()}])</script>"
    page = visit(head=early, attributes='data-consent="required"' if given else "")
    page.evaluate(f"{AT_READY}.then(() => ctaopt.refresh())")
    expect(page.locator("a")).to_have_text("Start for free" if given else "Sign up")
    assert bool(service.evaluations) is given


def test_default_stays_without_storage(visit, service, browser_page):
    browser_page.add_init_script(HIDE_LOCAL_STORAGE)
    page = visit()
    page.evaluate(f"{AT_READY}.then(() => ctaopt.refresh())")
    assert_default(page)
    assert service.evaluations == []


def test_named_visitor_needs_no_storage(visit, service, browser_page):
    browser_page.add_init_script(HIDE_LOCAL_STORAGE)
    service.flags = [flag()]
    page = visit(attributes='data-visitor="customer-7"')
    expect(page.locator("a")).to_have_text("Start for free")
    assert service.wait_for_events(1)[0]["visitor"] == "customer-7"
