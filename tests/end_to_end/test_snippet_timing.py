"""When the browser snippet fills: never under the eyes of a visitor, at once where it can."""

import threading

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import AT_READY, LINK, assert_default, flag, of_type

pytestmark = pytest.mark.slow

FILLED = "Start for free"
# Every text that the CTA shows in a frame after the first paint, and what moves.
WATCH = """(() => {
    window.texts = []; window.moved = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({value}) => (moved += value)))
        .observe({type: "layout-shift", buffered: true});
    let isPainted = false;
    (function look() {
        const link = document.querySelector("a");
        const shown = link?.checkVisibility({visibilityProperty: true}) ? link.innerText : "";
        if (isPainted && shown && texts.at(-1) !== shown) texts.push(shown);
        isPainted ||= performance.getEntriesByType("paint").length > 0;
        requestAnimationFrame(look);
    })();
})()"""
# As on a page whose first paint was long ago.
PAINTED = """(() => { const real = performance.getEntriesByType.bind(performance);
    performance.getEntriesByType = (type) =>
        type === "paint" ? [{startTime: performance.now() - 1000}] : real(type) })()"""


@pytest.fixture
def slow_script(service):
    """Return a way to keep `cta.js` back for some seconds."""
    timers = []

    def keep_back(seconds):
        service.script_gate.clear()
        timer = threading.Timer(seconds, service.script_gate.set)
        timer.start()
        timers.append(timer)

    yield keep_back
    for timer in timers:
        timer.cancel()
    service.script_gate.set()


@pytest.mark.parametrize("seconds", [0, 0.3, 1, 3])
def test_no_text_is_swapped_when_the_script_is_late(
    visit, service, hurried_page, slow_script, seconds
):
    service.flags = [flag()]
    hurried_page.add_init_script(WATCH)
    if seconds:
        slow_script(seconds)
    page = visit(page=hurried_page)
    page.wait_for_function("localStorage['ctaopt.flags']", timeout=60_000)
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    texts, moved = page.evaluate("[texts, moved]")
    assert moved == 0
    # A script that is there at once may still come some frames after the first paint.
    assert len(texts) == 1 or not seconds
    counted = {bool(event.get("late")) for event in of_type(service.events, "exposure")}
    assert counted <= {texts[-1] == "Sign up"}


def test_text_that_was_seen_is_not_replaced_and_the_visitor_is_told_late(
    visit, service, hurried_page
):
    service.flags = [flag()]
    hurried_page.add_init_script(PAINTED)
    page = visit(page=hurried_page)
    (event,) = service.wait_for_events(1)
    assert (event["type"], event["late"], event["variant"]) == ("exposure", True, "b")
    assert_default(page)
    page.locator("a").click()
    page.wait_for_url("**/signup")
    assert of_type(service.events, "click") == []


def test_cta_below_the_window_is_filled_late(visit, service, hurried_page):
    service.flags = [flag()]
    hurried_page.add_init_script(PAINTED)
    page = visit(f"<div style='height: 2000px'></div>{LINK}", page=hurried_page)
    expect(page.locator("a")).to_have_text(FILLED)
    page.locator("a").scroll_into_view_if_needed()
    (event,) = service.wait_for_events(1)
    assert "late" not in event


def test_root_that_comes_to_an_old_page_is_filled(visit, service, hurried_page):
    """Nobody has seen what came with the page's last change."""
    service.flags = [flag()]
    hurried_page.add_init_script(PAINTED)
    page = visit("<p>Read</p>", page=hurried_page)
    page.wait_for_function(
        "performance.getEntriesByType('resource').some(({name}) => name.includes('cta-more-'))"
    )
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    page.evaluate(
        f"""() => {{ const card = document.body.appendChild(document.createElement('div'));
        card.attachShadow({{mode: 'open'}}).innerHTML = '{LINK}' }}"""
    )
    # The answer is awaited as long as on any page; it is there at once.
    expect(page.locator("a")).to_have_text(FILLED)
    assert "late" not in service.wait_for_events(1)[0]


def test_slot_of_which_a_part_was_seen_stays_as_it_is(visit, service, hurried_page):
    service.flags = [flag()]
    hurried_page.add_init_script(PAINTED)
    page = visit(f"{LINK}<div style='height: 2000px'></div>{LINK}", page=hurried_page)
    service.wait_for_events(1)
    expect(page.locator("a").nth(1)).to_have_text("Sign up")
    page.locator("a").nth(1).scroll_into_view_if_needed()
    page.evaluate("new Promise((done) => setTimeout(done, 700))")
    assert {event["late"] for event in service.events} == {True}


def test_later_page_of_the_visit_is_filled_at_once(visit, service, hurried_page):
    service.flags = [flag()]
    visit()
    service.wait_for_events(1)
    service.gate.clear()
    page = visit(path="/next", page=hurried_page)
    expect(page.locator("a")).to_have_text(FILLED)
    assert service.wait_for_events(2)[1]["variant"] == "b"


def test_answer_of_an_earlier_visit_is_asked_for_again(visit, service):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(
        """() => { const kept = JSON.parse(localStorage['ctaopt.flags']);
        kept.at -= 31 * 60 * 1000; localStorage['ctaopt.flags'] = JSON.stringify(kept) }"""
    )
    service.gate.clear()
    page.reload()
    expect(page.locator("a")).to_have_css("visibility", "hidden")
    service.gate.set()
    expect(page.locator("a")).to_have_text(FILLED)


def test_preview_does_not_stay_for_the_next_page(visit, service):
    service.flags = [flag(variant="preview:b", experiment=None)]
    page = visit(path="/?ctaopt_preview=signed")
    expect(page.locator("a")).to_have_text(FILLED)
    service.flags = []
    service.gate.clear()
    page = visit(path="/next")
    expect(page.locator("a")).to_have_css("visibility", "hidden")
    expect(page.locator("a")).to_have_text("Sign up")


def test_newer_answer_is_for_the_next_page(visit, service):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    service.flags = [flag(variant="c", text="Other")]
    page.reload()
    page.wait_for_function("localStorage['ctaopt.flags'].includes('Other')")
    expect(page.locator("a")).to_have_text(FILLED)
    page.reload()
    expect(page.locator("a")).to_have_text("Other")


def test_site_may_say_how_long_a_visitor_waits(visit, service):
    service.flags = [flag()]
    service.gate.clear()
    page = visit(attributes='data-patience="20000"')
    service.wait_for_evaluations(1)
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    expect(page.locator("a")).to_have_css("visibility", "hidden")
    service.gate.set()
    expect(page.locator("a")).to_have_text(FILLED)


HOLD = """<style id="ctaopt-wait">@keyframes cta{to{visibility:visible}}
[data-cta-slot]{visibility:hidden;animation:cta 0s 20s forwards}</style>"""


@pytest.mark.parametrize("seconds", [0, 0.3, 1, 3])
def test_rule_of_the_page_keeps_the_place_until_the_script_is_there(
    visit, service, hurried_page, slow_script, seconds
):
    service.flags = [flag()]
    hurried_page.add_init_script(WATCH)
    if seconds:
        slow_script(seconds)
    attributes = 'data-patience="20000"'
    page = visit(f"<p>Read</p>{LINK}", attributes, head=HOLD, page=hurried_page)
    expect(page.locator("a")).to_be_visible(timeout=60_000)
    page.wait_for_function("texts.length")
    assert page.evaluate("[texts, moved]") == [[FILLED], 0]
    assert "late" not in service.wait_for_events(1)[0]


def test_consent_that_comes_before_the_first_paint_replaces_nothing_seen(visit, service):
    service.flags = [flag()]
    page = visit(attributes='data-consent="off"')
    page.evaluate(f"{AT_READY}.then(() => ctaopt.consent('granted'))")
    expect(page.locator("a")).to_have_text(FILLED)
    assert "late" not in service.wait_for_events(1)[0]


@pytest.mark.parametrize("act", ["consent('granted')", "refresh()"])
def test_text_is_replaced_only_when_the_visitor_does_something(visit, service, browser_page, act):
    browser_page.add_init_script(PAINTED)
    browser_page.add_init_script(
        "Object.defineProperty(UserActivation.prototype, 'isActive', {get: () => !window.isIdle})"
    )
    service.flags = [flag()] if "refresh" not in act else []
    page = visit(attributes='data-consent="off"' if "consent" in act else "")
    page.evaluate(f"{AT_READY}.then(() => new Promise((done) => setTimeout(done, 300)))")
    service.flags = [flag()]
    page.evaluate(f"window.isIdle = true; ctaopt.{act}")
    page.wait_for_function("localStorage['ctaopt.flags']?.includes('Start')")
    assert_default(page)
    page.evaluate("window.isIdle = false; ctaopt.refresh()")
    expect(page.locator("a")).to_have_text(FILLED)


BUSY_MAP = """(n) => new Promise((done) => { const timer = setInterval(() => {
    history.pushState(0, "", "/map/" + n + "?at=" + n);
    document.querySelector("p").textContent = n;
    if (!n--) { clearInterval(timer); done() } }, 50) })"""


def test_map_that_rewrites_its_address_asks_and_counts_once(visit, service):
    service.flags = [flag()]
    page = visit(f"<p>Map</p>{LINK}")
    service.wait_for_events(1)
    page.evaluate(BUSY_MAP, 30)
    page.evaluate("ctaopt.convert('end')")
    events = service.wait_for_events(2)
    assert [event["type"] for event in events] == ["exposure", "conversion"]
    assert len(service.evaluations) == 1
    expect(page.locator("a")).to_have_text(FILLED)


def test_pages_that_differ_are_asked_for_at_most_once_a_second(visit, service):
    """Where an audience is made by the page, another page may have another answer."""
    service.flags, service.metadata = [flag()], {"byPage": True}
    page = visit(f"<p>Map</p>{LINK}")
    service.wait_for_events(1)
    page.evaluate(BUSY_MAP, 30)
    page.wait_for_function("localStorage['ctaopt.flags'].includes('/map/0')")
    assert 2 <= len(service.evaluations) <= 5
    page.evaluate("ctaopt.convert('end')")
    events = service.wait_for_events(2)
    assert [event["type"] for event in events] == ["exposure", "conversion"]


def test_impatient_page_asks_at_most_once_a_second(visit, service):
    service.flags = [flag()]
    page = visit()
    service.wait_for_events(1)
    page.evaluate("Promise.all(Array.from({length: 10}, () => ctaopt.refresh()))")
    assert len(service.evaluations) <= 3


def test_outbox_keeps_one_copy_of_an_exposure(visit, service):
    service.flags, service.events_status = [flag()], 503
    page = visit()
    for _ in range(4):
        expect(page.locator("a")).to_have_text(FILLED)
        page.wait_for_function("localStorage['ctaopt.outbox']?.includes('exposure')")
        page.reload()
    kept = page.evaluate("JSON.parse(localStorage['ctaopt.outbox']).map(({type}) => type)")
    assert kept == ["exposure"]


WALL = """<div id="wall" style="position: fixed; inset: 0; background: {}"><p>Cookies?</p></div>"""


@pytest.mark.parametrize("colour", ["white", "rgb(0 0 0 / 60%)"], ids=["opaque", "dark"])
def test_cta_behind_a_wall_is_not_seen(visit, service, colour):
    service.flags = [flag()]
    page = visit(LINK + WALL.format(colour))
    expect(page.locator("a")).to_have_text(FILLED)
    page.evaluate("new Promise((done) => setTimeout(done, 900))")
    assert service.events == []
    page.evaluate("wall.remove()")
    assert of_type(service.wait_for_events(1), "exposure")


@pytest.mark.parametrize(
    "style",
    ["opacity: .9", "transform: rotate(2deg)", "filter: drop-shadow(0 0 1px red)"],
)
def test_look_of_a_cta_does_not_make_it_unseen(visit, service, style):
    service.flags = [flag()]
    visit(f"<div style='{style}'>{LINK}</div>")
    assert of_type(service.wait_for_events(1), "exposure")
