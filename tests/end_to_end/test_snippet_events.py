"""What the browser snippet counts, and how surely it arrives."""

import uuid
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from playwright.sync_api import expect

from tests.end_to_end.fake_service import PATIENCE_S
from tests.end_to_end.snippet import AT_READY, LINK, flag, of_type, stop_clock, wait_until_counting

pytestmark = pytest.mark.slow


def test_exposure_says_what_was_seen(visit, service):
    service.flags = [flag()]
    page = visit()
    (event,) = service.wait_for_events(1)
    seen_at, event_id = datetime.fromisoformat(event.pop("at")), uuid.UUID(event.pop("id"))
    assert event == {
        "type": "exposure",
        "slot": "hero-signup",
        "visitor": page.evaluate("ctaopt.visitor()"),
        "variant": "b",
        "experiment": "hero-1",
        "phase": 2,
        "attributes": {"device": "desktop", "locale": "fr", "new_visitor": True},
    }
    assert (event_id.version, event_id.variant) == (7, uuid.RFC_4122)
    assert abs(datetime.now(UTC) - seen_at) < timedelta(minutes=1)
    assert event_id.int >> 80 == pytest.approx(seen_at.timestamp() * 1000, abs=1000)
    assert (service.batches[0].key, service.batches[0].content_type) == (
        "k-1",
        "text/plain;charset=UTF-8",
    )


def test_events_bring_the_receipt_of_their_answer(visit, service):
    answer = flag()
    answer["metadata"]["receipt"] = "R-1"
    service.flags = [answer]
    wait_until_counting(visit(), service).get_by_text("Start for free").click()
    assert {event["receipt"] for event in service.wait_for_events(2)} == {"R-1"}


@pytest.mark.parametrize("hours", [-3, 5])
def test_batch_says_what_the_clock_showed_when_it_was_sent(visit, service, browser_page, hours):
    """A clock that is hours wrong: the service sees by how much, and puts the times right."""
    browser_page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    service.flags = [flag()]
    visit()
    (event,) = service.wait_for_events(1)
    sent_at = datetime.fromisoformat(service.batches[0].sent_at)
    at = datetime.fromisoformat(event["at"])
    assert sent_at - datetime.now(UTC) == pytest.approx(
        timedelta(hours=hours), abs=timedelta(minutes=1)
    )
    assert timedelta(0) <= sent_at - at < timedelta(seconds=10)


def test_exposure_waits_until_half_of_it_is_visible(visit, service):
    service.flags = [flag()]
    block = LINK.replace("<a", '<a style="display: block; height: 100px; margin: 560px 0 900px"')
    page = visit(f"<body style='margin: 0'>{block}")
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("new Promise((done) => setTimeout(done, 700))")  # longer than a batch waits
    assert service.events == []
    page.evaluate("scrollTo(0, 10)")
    assert len(of_type(service.wait_for_events(1), "exposure")) == 1


@pytest.mark.parametrize("closed", ["visibility: hidden", "opacity: 0"])
def test_exposure_waits_until_the_pop_up_opens(visit, service, closed):
    service.flags = [flag()]
    page = visit(f'<div id="popup" style="{closed}">{LINK}</div>')
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("new Promise((done) => setTimeout(done, 700))")  # longer than a batch waits
    assert service.events == []
    page.evaluate("popup.removeAttribute('style')")
    assert len(of_type(service.wait_for_events(1), "exposure")) == 1


def test_exposure_counts_once_a_page_view(visit, service):
    service.flags = [flag()]
    page = visit(LINK + "<br>" + LINK)
    service.wait_for_events(1)
    page.evaluate("ctaopt.refresh()")
    page.evaluate("ctaopt.convert('end')")
    assert len(of_type(service.wait_for_events(2), "exposure")) == 1
    page.reload()
    service.wait_for_events(3)
    assert len({event["id"] for event in of_type(service.events, "exposure")}) == 2


def test_nothing_is_counted_without_an_experiment(visit, service):
    service.flags = [flag(experiment=None)]
    page = visit()
    page.get_by_text("Start for free").click()
    page.wait_for_url("**/start")
    page.go_back()
    page.evaluate(f"{AT_READY}.then(() => ctaopt.convert('end'))")
    assert [event["type"] for event in service.wait_for_events(1)] == ["conversion"]


def test_click_is_sent_before_the_browser_leaves(visit, service):
    service.flags = [flag()]
    page = wait_until_counting(visit(), service)
    page.get_by_text("Start for free").click()
    page.wait_for_url("**/start")
    events = service.wait_for_events(2)
    assert {event["type"] for event in events} == {"exposure", "click"}
    click = of_type(events, "click")[0]
    assert (click["slot"], click["variant"], click["experiment"]) == ("hero-signup", "b", "hero-1")


def test_click_does_not_wait_for_a_batch(visit, service, browser_page):
    stop_clock(browser_page)
    service.flags = [flag(href="#start")]
    page = visit('<a data-cta-slot="hero-signup" href="#here">Sign up</a>')
    wait_until_counting(page, service)
    page.clock.run_for(100)  # the frames of a loading page, far fewer than a batch waits for
    page.get_by_text("Start for free").click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1


def test_click_proves_the_exposure(visit, service):
    service.flags = [flag()]
    page = wait_until_counting(visit("<div style='height: 2000px'></div>" + LINK), service)
    expect(page.locator("a")).to_have_text("Start for free")
    # In one task, before the observer looks.
    page.locator("a").evaluate("(link) => { link.focus(); link.click() }")
    page.wait_for_url("**/start")
    assert [event["type"] for event in service.wait_for_events(2)] == ["exposure", "click"]


HIDDEN = ["display: none", "visibility: hidden", "opacity: 0", "position: absolute; left: -9999px"]


@pytest.mark.parametrize("style", HIDDEN)
def test_enter_in_a_form_clicks_on_no_hidden_wording(visit, service, style):
    """Browsers click the form's first button, be it on the screen or not."""
    service.flags = [flag()]
    page = wait_until_counting(
        visit(
            '<form onsubmit="window.sent = true; return false"><input id="query">'
            f'<button data-cta-slot="hero-signup" style="{style}">Search</button></form>'
        ),
        service,
    )
    expect(page.locator("button")).to_have_text("Start for free")
    page.locator("#query").press("Enter")
    page.wait_for_function("window.sent")
    page.evaluate("ctaopt.convert('end')")
    assert [event["type"] for event in service.wait_for_events(1)] == ["conversion"]


NOT_DRAWN = ["font-size: 0", "transform: scale(0)", "text-indent: -9999px; overflow: hidden"]


@pytest.mark.parametrize("style", NOT_DRAWN)
def test_picture_in_the_place_of_the_text_is_not_counted(visit, service, style):
    service.flags = [flag(href="#start")]
    link = LINK.replace("<a", f'<a style="display: inline-block; width: 9em; height: 2em; {style}"')
    page = wait_until_counting(visit(link), service)
    expect(page.locator("a")).to_have_attribute("data-cta-variant", "b")
    page.evaluate("new Promise((done) => setTimeout(done, 900))")
    page.locator("a").evaluate("(link) => link.click()")
    page.evaluate("ctaopt.convert('end')")
    assert [event["type"] for event in service.wait_for_events(1)] == ["conversion"]


def test_middle_click_counts(visit, service):
    service.flags = [flag()]
    page = wait_until_counting(visit(), service)
    with page.context.expect_page() as tab:
        page.get_by_text("Start for free").click(button="middle")
    tab.value.wait_for_url("**/start")
    assert len(of_type(service.wait_for_events(2), "click")) == 1


def test_conversion_says_its_goal_and_value(visit, service):
    page = visit()
    page.evaluate(
        f"{AT_READY}.then(() => ctaopt.convert('order', {{value: 12.5, currency: 'EUR'}}))"
    )
    (event,) = service.wait_for_events(1)
    assert event.keys() == {"id", "type", "visitor", "goal", "value", "currency", "at"}
    assert (event["goal"], event["value"], event["currency"]) == ("order", 12.5, "EUR")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_number_that_json_has_not_is_sent_to_be_refused(visit, service, value):
    """As null it would be a conversion without a value, and count as one of 0."""
    page = visit()
    page.evaluate(f"{AT_READY}.then(() => ctaopt.convert('signup', {{value: {value}}}))")
    assert of_type(service.wait_for_events(1), "conversion")[0]["value"] == value


@pytest.mark.parametrize(
    ("sale", "said"),
    [
        ("{value: 12n}", "cannot be kept"),
        ("{order: undefined}", "convert: order is undefined"),
        ("{value: null}", "convert: value is null"),
    ],
)
def test_console_names_a_sale_with_something_missing(visit, service, browser_page, sale, said):
    page = wait_until_counting(visit(), service)
    with browser_page.expect_console_message(lambda entry: f"ctaopt: {said}" in entry.text):
        page.evaluate(f"ctaopt.convert('signup', {sale})")
    page.evaluate("ctaopt.convert('end')")
    service.wait_for_events(1)


def test_console_tells_that_the_storage_is_full(visit, service, browser_page):
    service.flags = [flag()]
    page = wait_until_counting(visit(), service)
    service.wait_for_events(1)
    page.wait_for_function("localStorage['ctaopt.outbox'] === '[]'")
    page.evaluate(
        """() => { for (let size = 1e6; size >= 1; size /= 2) try {
            for (;;) localStorage["x" + Math.random()] = "x".repeat(size) } catch {} }"""
    )
    with browser_page.expect_console_message(lambda entry: "cannot be kept" in entry.text):
        page.evaluate("ctaopt.convert('signup')")


def test_conversion_can_come_before_the_snippet(visit, service):
    visit(head="<script>(window.ctaopt ||= []).push(['convert', 'read'])</script>")
    (event,) = service.wait_for_events(1)
    assert (event["type"], event["goal"]) == ("conversion", "read")


def test_refused_events_are_sent_again_with_the_same_ids(visit, service):
    service.flags = [flag()]
    service.events_status = 503
    page = visit()
    first = service.wait_for_events(1)[0]
    service.events_status = 202
    page.reload()
    events = service.wait_for_events(len(service.events) + 1)
    # The page has seen it again, and keeps no copy.
    assert [event for event in events if event != first] == []
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")


def test_refused_events_are_sent_again_by_the_same_page(visit, service, browser_page):
    stop_clock(browser_page)
    service.flags = [flag()]
    service.events_status = 503
    early = "<script>(window.ctaopt ||= []).push(['convert', 'end'])</script>"
    page = visit(head=early, attributes='data-consent="cookieless"')
    service.wait_for_events(1)
    # The page's time is the test's; how long the answers take is not.
    deadline = monotonic() + PATIENCE_S
    while len(service.batches) < 3 and monotonic() < deadline:
        page.clock.run_for(10_000)  # the first pause; each is twice as long as the one before
    assert len(service.batches) >= 3
    assert len({event["id"] for event in of_type(service.events, "conversion")}) == 1


def test_events_wait_as_long_as_the_service_asks(visit, service, browser_page):
    service.flags = [flag()]
    service.events_status, service.events_headers = 429, {"Retry_After": "60"}
    stop_clock(browser_page)
    early = "<script>(window.ctaopt ||= []).push(['convert', 'end'])</script>"
    page = visit(head=early, attributes='data-consent="cookieless"')
    service.wait_for_events(1)
    page.wait_for_timeout(200)  # the answer arrives in real time
    page.evaluate("ctaopt.convert('late')")
    waited_s, deadline = 0, monotonic() + PATIENCE_S
    while len(service.batches) == 1 and monotonic() < deadline:
        page.clock.run_for(5_000)
        waited_s += 5
    assert waited_s >= 60
    goals = {event["goal"] for event in of_type(service.batches[1].events, "conversion")}
    assert goals == {"end", "late"}


def test_invalid_events_are_not_sent_again(visit, service):
    service.flags = [flag()]
    service.events_status = 400
    page = visit()
    service.wait_for_events(1)
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")


def test_beacon_is_confirmed_by_the_next_page(visit, service):
    service.flags = [flag()]
    page = wait_until_counting(visit(), service)
    page.get_by_text("Start for free").click()
    page.wait_for_url("**/start")
    click = of_type(service.wait_for_events(2), "click")[0]
    page.go_back()
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")
    assert service.events.count(click) == 2


def test_kept_events_are_bounded(visit, service):
    service.events_status = 503
    page = visit()
    page.evaluate(
        f"{AT_READY}.then(() => {{for (let n = 0; n < 150; n++) ctaopt.convert('g' + n)}})"
    )
    page.wait_for_function("localStorage['ctaopt.outbox']?.includes('g149')")
    goals = page.evaluate("JSON.parse(localStorage['ctaopt.outbox']).map(({goal}) => goal)")
    assert goals == [f"g{number}" for number in range(50, 150)]


def test_console_names_what_the_service_refused(visit, service):
    service.refusals = {"conversion": "value: '1.234' may be 1.234 or 1234"}
    page = visit()
    page.evaluate(AT_READY)
    text = "ctaopt: refused conversion value: '1.234' may be 1.234 or 1234"
    with page.expect_console_message(lambda entry: entry.text == text):
        page.evaluate("ctaopt.convert('sale', { value: '1.234' })")
    (event,) = of_type(service.wait_for_events(1), "conversion")
    assert event["value"] == "1.234"


def test_console_tells_that_the_key_was_refused(visit, service):
    service.events_status = 401
    page = visit()
    page.evaluate(AT_READY)
    with page.expect_console_message(lambda entry: entry.text == "ctaopt: events refused, 401"):
        page.evaluate("ctaopt.convert('sale')")
