"""The snippet on pages that browsers keep, prepare or save, and that pages write anew."""

import os
import signal
import subprocess
from time import monotonic, sleep

import pytest
from playwright.sync_api import expect

from tests.end_to_end.conftest import CHROMIUM_ARGUMENTS, chromium_program
from tests.end_to_end.fake_service import PATIENCE_S
from tests.end_to_end.snippet import AT_READY, LINK, flag, of_type, wait_until_counting

pytestmark = pytest.mark.slow

FILLED = "Start for free"
# The events of a page that goes into the browser's cache and comes back; the shell of Chromium
# without windows keeps no pages.
LEAVE = """() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true});
    dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}));
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true})) }"""
COME_BACK = """() => { delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
    dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true})) }"""
IDS_KEPT = "JSON.parse(localStorage['ctaopt.outbox'] || '[]').map(({id}) => id)"


def later_by(minutes):
    return f"() => {{ const real = Date.now; Date.now = () => real() + {minutes} * 60_000 }}"


def test_kept_page_keeps_its_wording_and_counts_once(visit, service):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(LEAVE)
    page.evaluate(COME_BACK)
    expect(page.locator("a")).to_have_text(FILLED)
    page.evaluate("ctaopt.convert('end')")
    events = {event["id"]: event["type"] for event in service.wait_for_events(2)}
    assert sorted(events.values()) == ["conversion", "exposure"]
    assert len(service.evaluations) == 1


def test_kept_page_sends_again_what_did_not_arrive(visit, service):
    service.flags, service.events_status = [flag()], 503
    page = visit()
    (exposure,) = service.wait_for_events(1)
    page.evaluate(LEAVE)
    service.wait_for_events(2)
    assert page.evaluate(IDS_KEPT) == [exposure["id"]]
    service.events_status = 202
    page.evaluate(COME_BACK)
    page.wait_for_function(f"{IDS_KEPT}.length === 0")
    assert {event["id"] for event in service.events} == {exposure["id"]}


def test_kept_page_asks_again_when_its_answer_is_old(visit, service):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(LEAVE)
    service.flags = [flag(variant="c", text="Other")]
    page.evaluate(later_by(31))
    page.evaluate(COME_BACK)
    page.wait_for_function("localStorage['ctaopt.flags'].includes('Other')")
    # The visitor sees the text on coming back.
    expect(page.locator("a")).to_have_text(FILLED)
    assert len(service.evaluations) == 2


@pytest.mark.parametrize("consent", ["'granted'", "true"])
def test_kept_page_takes_up_the_visitor_who_is_there_now(visit, service, consent):
    """On another page consent was withdrawn, and given again: that is another visitor."""
    service.flags = [flag()]
    page = visit()
    page.evaluate(f"{AT_READY}.then(() => ctaopt.consent({consent}))")
    service.wait_for_events(1)
    page.evaluate(LEAVE)
    page.evaluate("localStorage['ctaopt.visitor'] = '\"another\"'")
    page.evaluate(COME_BACK)
    page.wait_for_function("ctaopt.visitor() === 'another'")
    page.wait_for_function("localStorage['ctaopt.flags']?.includes('another')")
    expect(page.locator("a")).to_have_text(FILLED)
    page.evaluate("ctaopt.convert('end')")
    service.wait_for_events(2)
    (conversion,) = of_type(service.events, "conversion")
    assert conversion["visitor"] == "another"
    assert service.evaluations[-1].context["targetingKey"] == "another"
    assert page.evaluate("Boolean(localStorage['ctaopt.since'])")


def test_kept_page_of_a_site_that_names_its_visitors_stays_theirs(visit, service):
    service.flags = [flag()]
    page = visit(attributes='data-visitor="c-17"')
    service.wait_for_events(1)
    page.evaluate(LEAVE)
    page.evaluate("localStorage['ctaopt.visitor'] = '\"another\"'")
    page.evaluate(COME_BACK)
    page.evaluate("ctaopt.convert('end')")
    service.wait_for_events(2)
    assert {event["visitor"] for event in service.events} == {"c-17"}
    assert len(service.evaluations) == 1


# Chromium prepares pages only where nobody looks into it: pages tell the site what they see.
START = """<!doctype html><title>Start</title><script type="speculationrules">
{"prerender": [{"source": "list", "urls": ["/prepared"], "eagerness": "immediate"}]}</script>
<script>fetch("/go").then((answer) => answer.text()).then(() => (location.href = "/prepared"))
</script>"""
PREPARED = """<!doctype html><html lang="fr"><title>Prepared</title><script>
(window.ctaopt ||= []).push(["convert", "read"]);
const text = () => document.querySelector("a").textContent;
const look = () => JSON.stringify([document.prerendering, localStorage.length, text()]);
addEventListener("load", () => setTimeout(() => fetch("/before?" + look()), 1000));
document.addEventListener("prerenderingchange", () => { const timer = setInterval(() => {
    if (text() === "Sign up") return; clearInterval(timer); fetch("/after?" + text()); }, 100) });
</script><script async src="{origin}/cta.js" data-key="k-1" data-patience="30000"></script>
<body><a data-cta-slot="hero-signup" href="/signup">Sign up</a></body>"""


def wait_until(condition):
    deadline = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < deadline
        sleep(0.05)


@pytest.fixture
def open_unwatched(tmp_path):
    """Open an address in a browser that runs by itself; it ends with the test."""
    browsers = []

    def open_unwatched(address):
        options = [*CHROMIUM_ARGUMENTS, "--remote-debugging-port=0"]
        command = [str(chromium_program()), *options, f"--user-data-dir={tmp_path}", address]
        quiet = subprocess.DEVNULL
        # In a group of its own: Debian's program is a script that starts the browser.
        started = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        browsers.append(started)

    yield open_unwatched
    for browser in browsers:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def test_prepared_page_asks_stores_and_counts_only_when_it_is_shown(service, site, open_unwatched):
    service.flags = [flag()]
    site.pages |= {"/": [START], "/go": ["", "go"]}
    site.pages["/prepared"] = [PREPARED.replace("{origin}", service.origin)]
    site.gate.clear()
    open_unwatched(site.origin)
    wait_until(lambda: any(path.startswith("/before?") for path in site.asked))
    assert "/before?[true,0,%22Sign%20up%22]" in site.asked
    assert "cta.js" in service.scripts
    assert (service.evaluations, service.events) == ([], [])
    site.gate.set()
    events = service.wait_for_events(2)
    assert sorted(event["type"] for event in events) == ["conversion", "exposure"]
    wait_until(lambda: "/after?Start%20for%20free" in site.asked)
    assert len(service.evaluations) == 1
    # It was prepared, not loaded anew.
    assert site.asked.count("/prepared") == 1


def test_page_in_quirks_mode_counts_what_is_in_the_window(visit, service, site, browser_page):
    """Without a doctype `body`, not the root element, is as high as the window."""
    service.flags = [flag()]
    script = f'<script async src="{service.origin}/cta.js" data-key="k-1"></script>'
    site.pages["/old"] = [f"<title>Old</title>{script}<div style='height: 900px'></div>{LINK}"]
    browser_page.goto(site.origin + "/old")
    expect(browser_page.locator("a")).to_have_text(FILLED)
    assert browser_page.evaluate("document.compatMode") == "BackCompat"
    wait_until_counting(browser_page, service).evaluate(
        "new Promise((done) => setTimeout(done, 700))"
    )
    assert service.events == []
    browser_page.locator("a").scroll_into_view_if_needed()
    (exposure,) = service.wait_for_events(1)
    assert (exposure["type"], "late" in exposure) == ("exposure", False)
    browser_page.locator("a").click()
    assert of_type(service.wait_for_events(2), "click")


@pytest.mark.parametrize("end", ["document.close()", ""], ids=["closed", "left open"])
def test_document_that_is_written_anew_is_filled_and_counted_once(visit, service, end):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(
        f"""() => {{ document.open();
        document.write('<title>New</title><main>{LINK}</main><p>The end</p>'); {end} }}"""
    )
    expect(page.locator("main a")).to_have_text(FILLED)
    page.evaluate("ctaopt.convert('end')")
    service.wait_for_events(2)
    page.locator("main a").click()
    page.wait_for_url("**/start")
    events = {event["id"]: event["type"] for event in service.wait_for_events(3)}
    assert sorted(events.values()) == ["click", "conversion", "exposure"]


def test_cta_of_a_document_that_is_written_in_a_hidden_tab_is_counted_when_it_shows(visit, service):
    """The page's listeners go with the old document."""
    service.flags = [flag()]
    page = visit("")
    wait_until_counting(page, service)
    page.evaluate(LEAVE)
    page.evaluate(
        f"() => {{ document.open(); document.write('<main>{LINK}</main>'); document.close() }}"
    )
    expect(page.locator("main a")).to_have_text(FILLED)
    page.evaluate("new Promise((done) => setTimeout(done, 300))")
    assert service.events == []
    page.evaluate(COME_BACK)
    assert of_type(service.wait_for_events(1), "exposure")


BASE = '<base href="https://shop.example/here/">'
BUTTON = '<button data-cta-slot="hero-signup">Sign up</button>'
OPENED = "(window.open = (address) => (window.opened = new URL(address, document.baseURI).href))"


def test_page_with_a_base_leads_where_its_links_lead(visit, service):
    service.flags = [flag(href="/start")]
    page = visit(f"{LINK}{BUTTON}", head=BASE)
    expect(page.locator("a")).to_have_text(FILLED)
    expect(page.locator("button")).to_have_text(FILLED)
    service.wait_for_events(1)
    page.evaluate(OPENED)
    page.locator("button").click()
    page.wait_for_function("window.opened")
    link = page.evaluate("document.querySelector('a').href")
    assert [link, page.evaluate("opened")] == ["https://shop.example/start"] * 2
    assert {event["type"] for event in service.wait_for_events(2)} == {"exposure", "click"}


def test_page_that_was_saved_when_filled_is_filled_for_who_opens_it(visit, service, site):
    service.flags = [flag(variant="c", text="Join now", href="/join")]
    page = visit(f"{LINK}{BUTTON}")
    expect(page.locator("button")).to_have_text("Join now")
    service.wait_for_events(1)
    html = page.evaluate("document.documentElement.outerHTML")
    assert "data-cta-was" in html
    page.evaluate("localStorage.clear()")
    service.flags = [flag()]
    site.pages["/saved"] = [html.replace("<head>", f"<head>{BASE}")]
    page.goto(site.origin + "/saved")
    expect(page.locator("a")).to_have_text(FILLED)
    expect(page.locator("button")).to_have_text(FILLED)
    service.wait_for_events(2)
    exposures = of_type(service.events, "exposure")
    assert [exposure["variant"] for exposure in exposures] == ["c", "b"]
    assert len({exposure["visitor"] for exposure in exposures}) == 2
    service.flags = []
    page.evaluate("ctaopt.consent('off')")
    expect(page.locator("a")).to_have_text("Sign up")
    expect(page.locator("a")).to_have_attribute("href", "/signup")
