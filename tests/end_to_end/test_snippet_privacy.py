"""Whom the browser snippet knows, what it says of them, and when it says nothing."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import (
    AT_READY,
    LINK,
    assert_default,
    flag,
    stop_clock,
    wait_until_counting,
)

HIDE_LOCAL_STORAGE = """Object.defineProperty(window, "localStorage",
    {get() { throw new DOMException("denied", "SecurityError"); }})"""
pytestmark = pytest.mark.slow


def stored(page):
    return page.evaluate("Object.keys(localStorage)")


def test_evaluation_describes_the_visitor_and_the_page(visit, service, site):
    path = "/landing?utm_source=mail"
    page = visit(path=path)
    (evaluation,) = service.wait_for_evaluations(1)
    assert evaluation.headers["x-api-key"] == "k-1"
    visitor = page.evaluate("ctaopt.visitor()")
    assert evaluation.context == {
        "targetingKey": visitor,
        "anonymousId": visitor,
        "locale": "fr",
        "device": "desktop",
        "url": site.origin + path,
        "referrer": "",
        "new_visitor": True,
        "arms": {},
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("/a/b?email=jean%40example.fr&token=s3cret#id=7", "/a/b"),
        ("/a?utm_source=a&sid=7&utm_campaign=%C3%A9+1", "/a?utm_source=a&utm_campaign=%C3%A9+1"),
        ("/a?sid=1&sid=2&ctaopt_preview=t0k.en-_", "/a?ctaopt_preview=t0k.en-_"),
        ("/a?xutm_source=1&UTM_SOURCE=2&ctaopt_preview_of=3&utm=4", "/a"),
        ("/a?=x&&utm_", "/a?utm_="),
        ("/%C3%A9t%C3%A9/", "/%C3%A9t%C3%A9/"),
    ],
)
def test_address_is_cut_to_what_the_service_takes(visit, service, site, given, sent):
    visit(path=given)
    assert service.wait_for_evaluations(1)[0].context["url"] == site.origin + sent


def test_referrer_is_cut_to_its_path(visit, service, site):
    site.pages["/search"] = ['<!doctype html><a id="on" href="/landing">On</a>']
    page = visit(path="/landing")
    service.wait_for_evaluations(1)
    page.goto(f"{site.origin}/search?q=jean+dupont&token=x#top")
    # A page of one's own origin is told the whole address.
    page.locator("#on").click()
    context = service.wait_for_evaluations(2)[1].context
    assert page.evaluate("document.referrer") == f"{site.origin}/search?q=jean+dupont&token=x"
    assert context["referrer"] == f"{site.origin}/search"


DAY_MS = 24 * 60 * 60 * 1000


@pytest.mark.parametrize("since", ["394", "4000", "no time"])
def test_id_and_all_that_is_stored_ends_after_13_months(visit, service, since):
    page = visit()
    service.wait_for_evaluations(1)
    first = page.evaluate("ctaopt.visitor()")
    value = since if since == "no time" else f"${{Date.now() - {since} * {DAY_MS}}}"
    page.evaluate(f"localStorage['ctaopt.since'] = `{value}`")
    page.evaluate("localStorage['ctaopt.flags'] = JSON.stringify({arms: {'hero-1': 'b@2'}})")
    page.evaluate("localStorage['other'] = 'of the site'")
    page.reload()
    context = service.wait_for_evaluations(2)[1].context
    second = page.evaluate("ctaopt.visitor()")
    assert second != first
    assert (context["targetingKey"], context["anonymousId"]) == (second, second)
    assert (context["new_visitor"], context["arms"]) == (True, {})
    assert page.evaluate("Date.now() - localStorage['ctaopt.since']") < DAY_MS
    assert page.evaluate("localStorage['other']") == "of the site"


def test_visit_does_not_prolong_what_is_stored(visit, service):
    page = visit()
    service.wait_for_evaluations(1)
    first = page.evaluate("ctaopt.visitor()")
    since = page.evaluate(f"localStorage['ctaopt.since'] = String(Date.now() - 392 * {DAY_MS})")
    page.reload()
    assert service.wait_for_evaluations(2)[1].context["targetingKey"] == first
    assert page.evaluate("localStorage['ctaopt.since']") == since


def test_id_of_the_server_counts_from_its_own_time(visit, service, site):
    page = visit(attributes='data-consent="off"')
    identity = page.evaluate(f"(Date.now() - 100 * {DAY_MS}).toString(16).padStart(12, '0')")
    identity += "7" + "0" * 19
    page.context.add_cookies([{"name": "ctaopt_visitor", "value": identity, "url": site.origin}])
    page = visit()
    assert service.wait_for_evaluations(1)[0].context["targetingKey"] == identity
    assert int(page.evaluate("localStorage['ctaopt.since']")) == int(identity[:12], 16)
    page.evaluate(f"localStorage['ctaopt.since'] = Date.now() - 394 * {DAY_MS}")
    page.reload()
    assert service.wait_for_evaluations(2)[1].context["targetingKey"] != identity
    assert page.context.cookies() == []


def test_page_goes_on_naming_the_arms_it_was_given(visit, service):
    service.flags = [flag(), flag("footer", "c", "foot-1"), flag("menu", "default", None)]
    page = visit()
    expect(page.locator("a")).to_have_text("Start for free")
    service.flags = [flag("footer", "d", "foot-1")]
    page.reload()
    # Its own text stands there from the start: only what is kept says that the answer came.
    page.wait_for_function("JSON.parse(localStorage['ctaopt.flags']).arms['foot-1'] === 'd@2'")
    page.reload()
    arms = [evaluation.context["arms"] for evaluation in service.wait_for_evaluations(3)]
    assert arms[1:] == [
        {"hero-1": "b@2", "foot-1": "c@2"},
        {"hero-1": "b@2", "foot-1": "d@2"},
    ]


def test_arms_kept_by_an_older_snippet_are_sent_as_they_are(visit, service, site):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    page.evaluate("localStorage['ctaopt.flags'] = JSON.stringify({arms: {'hero-1': 'b'}})")
    page.reload()
    page.wait_for_function("JSON.parse(localStorage['ctaopt.flags']).arms['hero-1'] === 'b@2'")
    assert service.wait_for_evaluations(2)[1].context["arms"] == {"hero-1": "b"}


@pytest.mark.parametrize(
    ("options", "device"),
    [
        ({"has_touch": True, "is_mobile": True, "screen": {"width": 390, "height": 844}}, "mobile"),
        ({"has_touch": True, "is_mobile": True, "screen": {"width": 844, "height": 390}}, "mobile"),
        (
            {"has_touch": True, "is_mobile": True, "screen": {"width": 820, "height": 1180}},
            "tablet",
        ),
        ({"screen": {"width": 390, "height": 844}}, "desktop"),
    ],
    ids=["phone", "phone on its side", "tablet", "mouse"],
)
def test_device_is_told_by_pointer_and_screen(visit, service, chromium, options, device):
    context = chromium.new_context(viewport={"width": 390, "height": 600}, **options)
    visit(page=context.new_page())
    assert service.wait_for_evaluations(1)[0].context["device"] == device
    context.close()


def test_visitor_stays_the_same_and_stops_being_new(visit, service):
    page = visit()
    service.wait_for_evaluations(1)  # leaving a page takes back the question that is under way
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


def test_visitor_who_logs_in_names_the_id_from_before(visit, service):
    anonymous = visit().evaluate(f"{AT_READY}.then(() => ctaopt.visitor())")
    service.wait_for_evaluations(1)  # leaving the page would take back one that is under way
    visit(attributes='data-visitor="customer-7"', path="/account")
    context = service.wait_for_evaluations(2)[1].context
    assert (context["targetingKey"], context["anonymousId"]) == ("customer-7", anonymous)


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


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(navigator, 'webdriver', {get: () => true})",
        "Object.defineProperty(navigator, 'userAgent', {get: () => 'Mozilla/5.0 Googlebot/2.1'})",
    ],
    ids=["driven by a program", "crawler"],
)
def test_bot_sees_the_default_and_is_not_counted(visit, service, browser_page, script):
    browser_page.add_init_script(script)
    page = visit(attributes='data-signals="ignore"')
    page.evaluate(f"{AT_READY}.then(() => {{ctaopt.convert('end'); return ctaopt.refresh()}})")
    assert_default(page)
    assert (service.evaluations, service.events, stored(page)) == ([], [], [])


@pytest.mark.parametrize(("signal", "value"), SIGNALS)
def test_site_may_ignore_privacy_signals(visit, service, browser_page, signal, value):
    browser_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{signal}', {{get: () => {value}}})"
    )
    service.flags = [flag()]
    expect(visit(attributes='data-signals="ignore"').locator("a")).to_have_text("Start for free")


@pytest.mark.parametrize("mode", ["off", "required", "nonsense"])
def test_nothing_happens_before_consent(visit, service, mode):
    service.flags = [flag()]
    page = visit(attributes=f'data-consent="{mode}"')
    page.evaluate(f"{AT_READY}.then(() => {{ctaopt.convert('end'); return ctaopt.refresh()}})")
    assert_default(page)
    assert (service.evaluations, service.events, stored(page)) == ([], [], [])
    page.evaluate("ctaopt.consent(true)")
    expect(page.locator("a")).to_have_text("Start for free")
    service.wait_for_events(1)


@pytest.fixture
def delayed(visit, service, browser_page):
    """A page that shows an arm and holds back what it has counted."""
    stop_clock(browser_page)
    service.flags = [flag()]
    page = visit(attributes='data-consent="delayed"')
    page.clock.run_for(50)
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("ctaopt.convert('read')")
    wait_until_counting(page, service)
    page.clock.run_for(60_000)
    assert (service.events, stored(page), page.context.cookies()) == ([], [], [])
    return page


def test_delayed_events_are_sent_once_consent_is_given(delayed, service):
    before = delayed.evaluate("ctaopt.visitor()")
    delayed.evaluate("ctaopt.consent('granted')")
    delayed.clock.run_for(1_000)
    events = service.wait_for_events(2)
    assert sorted(event["type"] for event in events) == ["conversion", "exposure"]
    assert {event["visitor"] for event in events} == {before}
    assert delayed.evaluate("JSON.parse(localStorage['ctaopt.visitor'])") == before


def test_delayed_events_are_dropped_when_consent_is_refused(delayed, service):
    delayed.evaluate("ctaopt.consent('off')")
    delayed.clock.run_for(60_000)
    assert_default(delayed)
    assert (service.events, stored(delayed)) == ([], [])


def test_delayed_visitor_known_from_before_stays_that_visitor(visit, service):
    page = visit()
    known = page.evaluate(f"{AT_READY}.then(() => ctaopt.visitor())")
    service.flags = [flag()]
    page = visit(attributes='data-consent="delayed"', path="/next")
    expect(page.locator("a")).to_have_text("Start for free")
    assert page.evaluate("ctaopt.visitor()") != known
    page.evaluate("ctaopt.consent('granted')")
    events = service.wait_for_events(1)
    assert {event["visitor"] for event in events} == {known}


def test_cookieless_visit_is_counted_and_leaves_nothing_behind(visit, service):
    service.flags = [flag()]
    page = wait_until_counting(visit(attributes='data-consent="cookieless"'), service)
    page.get_by_text("Start for free").click()
    page.wait_for_url("**/start")
    assert {event["type"] for event in service.wait_for_events(2)} == {"exposure", "click"}
    page.go_back()
    expect(page.locator("a")).to_have_text("Start for free")
    asked = service.wait_for_evaluations(2)
    visitors = {evaluation.context["targetingKey"] for evaluation in asked}
    assert (len(visitors), stored(page), page.context.cookies()) == (2, [], [])
    assert "new_visitor" not in service.evaluations[0].context


def test_cookieless_visitor_of_the_site_keeps_the_id(visit, service):
    service.flags = [flag()]
    page = visit(attributes='data-consent="cookieless" data-visitor="session-1"')
    assert service.wait_for_events(1)[0]["visitor"] == "session-1"
    assert stored(page) == []


@pytest.mark.parametrize(("signal", "value"), [("none", "0"), *SIGNALS])
def test_strictly_necessary_shows_what_everybody_gets(visit, service, browser_page, signal, value):
    browser_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{signal}', {{get: () => {value}}})"
    )
    service.flags = [flag(variant="default", experiment=None)]
    page = visit(attributes='data-consent="necessary"', path="/?utm_source=x")
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("ctaopt.convert('read')")
    page.locator("a").click()
    page.wait_for_url("**/start")
    (evaluation,) = service.evaluations
    assert evaluation.context == {"targetingKey": "-", "locale": "fr", "measured": False}
    assert (service.events, stored(page), page.context.cookies()) == ([], [], [])


def test_consent_can_be_narrowed_at_run_time(visit, service):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    service.flags = [flag(variant="default", experiment=None, text="Everybody's")]
    page.evaluate("ctaopt.consent('necessary')")
    expect(page.locator("a")).to_have_text("Everybody's")
    assert (page.evaluate("ctaopt.visitor()"), stored(page)) == (None, [])
    assert service.evaluations[1].context["measured"] is False


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


def test_consent_is_taken_back_in_a_frame_that_may_store_nothing(service, site, browser_page):
    service.flags = [flag()]
    script = f'<script async src="{service.origin}/cta.js?key=k-1&consent=cookieless"></script>'
    site.pages["/frame"] = [f"<!doctype html>{script}{LINK}"]
    site.pages["/"] = ['<!doctype html><iframe sandbox="allow-scripts" src="/frame"></iframe>']
    browser_page.goto(site.origin + "/")
    frame = browser_page.frames[1]
    expect(frame.locator("a")).to_have_text("Start for free")
    service.wait_for_events(1)
    frame.evaluate("ctaopt.consent(false)")
    expect(frame.locator("a")).to_have_text("Sign up")
    assert frame.evaluate("ctaopt.visitor()") is None


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
    page = visit(head=early, attributes='data-consent="off"' if given else "")
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
