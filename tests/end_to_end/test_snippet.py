"""The browser snippet in a real browser, on another origin than the service."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.end_to_end.fake_service import SDK_DIST

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINK = '<a data-cta-slot="hero-signup" href="/signup">Sign up</a>'
OTHER_PAGE = "<!doctype html><title>Other</title><p>Other page"
HIDE_LOCAL_STORAGE = """Object.defineProperty(window, "localStorage",
    {get() { throw new DOMException("denied", "SecurityError"); }})"""
CALLS_AT_READY = """new Promise((resolve) => (function look() {
    window.ctaopt?.visitor ? resolve() : setTimeout(look, 5); })())"""


def flag(slot="hero-signup", variant="b", experiment="hero-1", **value):
    value = {"text": "Start for free", "href": "/start", "form": "link"} | value
    metadata = {"experiment": experiment, "arm": 1} if experiment else {}
    return {
        "key": slot,
        "variant": variant,
        "reason": "SPLIT" if experiment else "STATIC",
        "value": value,
        "metadata": metadata,
    }


@pytest.fixture
def visit(browser_page, service, site):
    """Open a page of the site that embeds the snippet; return the page."""

    def open_page(body=LINK, attributes="", path="/", head="", page=browser_page):
        script = (
            f'<script async src="{service.origin}/cta.js" data-key="k-1" {attributes}></script>'
        )
        html = (
            f'<!doctype html><html lang="fr"><title>Site</title>{head}{script}<body>{body}</body>'
        )
        site.pages[path.partition("?")[0]] = [html]
        for other in ("/start", "/signup"):
            site.pages[other] = [OTHER_PAGE]
        page.goto(site.origin + path)
        return page

    return open_page


def stop_clock(page):
    """Let the page's time pass only when the test says so."""
    page.clock.install(time=NOON)
    page.clock.pause_at(NOON + timedelta(seconds=1))


def stored(page):
    return page.evaluate("Object.keys(localStorage)")


def of_type(events, kind):
    return [event for event in events if event["type"] == kind]


def test_link_is_filled(visit, service):
    style = {"background_color": "#102030", "text_color": "#ffeedd", "size": "large", "icon": "→"}
    service.flags = [flag(form="button", style=style)]
    link = visit().locator("a")
    expect(link).to_have_text("→ Start for free")
    expect(link).to_have_accessible_name("Start for free")
    expect(link).to_have_attribute("href", "/start")
    expect(link).to_have_css("background-color", "rgb(16, 32, 48)")
    expect(link).to_have_css("color", "rgb(255, 238, 221)")
    expect(link).to_have_css("font-size", "20px")
    for name, value in {"form": "button", "size": "large", "variant": "b"}.items():
        expect(link).to_have_attribute(f"data-cta-{name}", value)


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
    }
    assert (event_id.version, event_id.variant) == (7, uuid.RFC_4122)
    assert abs(datetime.now(UTC) - seen_at) < timedelta(minutes=1)
    assert event_id.int >> 80 == pytest.approx(seen_at.timestamp() * 1000, abs=1000)
    assert (service.batches[0].key, service.batches[0].content_type) == (
        "k-1",
        "text/plain;charset=UTF-8",
    )


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


def test_unchanged_answer_comes_from_the_cache(visit, service):
    service.flags = [flag()]
    page = visit()
    expect(page.locator("a")).to_have_text("Start for free")
    page.reload()
    expect(page.locator("a")).to_have_text("Start for free")
    assert [evaluation.status for evaluation in service.wait_for_evaluations(2)] == [200, 304]


@pytest.mark.parametrize(
    "body",
    [
        '<button data-cta-slot="hero-signup">Sign up</button>',
        '<div data-cta-slot="hero-signup"><i>Now</i> <a href="/signup">Sign up</a></div>',
        '<p data-cta-slot="hero-signup"><button>Sign up</button></p>',
    ],
    ids=["button", "container of a link", "container of a button"],
)
def test_filled_element_leads_to_the_destination(visit, service, body):
    service.flags = [flag()]
    page = visit(body)
    page.locator("a,button", has_text="Start for free").click()
    page.wait_for_url("**/start")


def test_spoken_instruction_is_filled(visit, service):
    service.flags = [flag(form="spoken", text="Say: start my trial")]
    instruction = visit('<p data-cta-slot="hero-signup">Say: hello</p>').locator("p")
    expect(instruction).to_have_text("Say: start my trial")
    service.wait_for_events(1)


def test_marked_part_takes_the_text(visit, service):
    service.flags = [flag()]
    body = '<a data-cta-slot="hero-signup"><b>*</b> <span data-cta-text>Sign up</span></a>'
    expect(visit(body).locator("a")).to_have_text("* Start for free")


def test_screen_reader_label_follows_the_text(visit, service):
    service.flags = [flag()]
    link = visit(LINK.replace("href", 'aria-label="Sign up now" href')).locator("a")
    expect(link).to_have_accessible_name("Start for free")


def test_button_of_a_form_stays_with_its_form(visit, service):
    service.flags = [flag()]
    form = '<form action="/signup"><button data-cta-slot="hero-signup">Sign up</button></form>'
    page = visit(form)
    page.get_by_role("button", name="Start for free").click()
    page.wait_for_url("**/signup?")


def test_click_that_the_site_handles_does_not_leave(visit, service):
    service.flags = [flag()]
    page = visit('<button data-cta-slot="hero-signup" type="button">Sign up</button>')
    page.evaluate(
        "document.addEventListener('click', (event) => event.preventDefault(), {capture: true})"
    )
    page.get_by_role("button", name="Start for free").click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1
    assert page.evaluate("location.pathname") == "/"


@pytest.mark.parametrize("href", ["javascript:alert(1)", "data:text/html,x", "https://:0:0/"])
@pytest.mark.parametrize("tag", ["a", "button"])
def test_unsafe_destination_is_not_used(visit, service, tag, href):
    service.flags = [flag(href=href)]
    page = visit(f'<{tag} data-cta-slot="hero-signup" href="#safe">Sign up</{tag}>')
    expect(page.locator(tag)).to_have_text("Start for free")
    expect(page.locator(tag)).to_have_attribute("href", "#safe")
    page.locator(tag).click()
    assert page.evaluate("location.pathname") == "/"


def test_text_is_never_read_as_html(visit, service):
    service.flags = [flag(text="<img src=x onerror=alert(1)>", style={"icon": "<b>"})]
    link = visit().locator("a")
    expect(link).to_have_text("<b> <img src=x onerror=alert(1)>")
    assert link.locator("img, b").count() == 0


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [{"key": "hero-signup", "errorCode": "GENERAL", "errorDetails": "x"}],
        [flag("other-slot")],
        [flag(text="")],
        [flag() | {"value": None}],
        None,
    ],
    ids=["no flags", "error", "another slot", "no text", "no value", "no list"],
)
def test_default_stays_when_the_answer_has_nothing_for_the_slot(visit, service, answer):
    service.flags = answer
    page = visit()
    page.evaluate(f"{CALLS_AT_READY}.then(() => ctaopt.refresh())")
    assert_default(page)
    assert service.events == []


def assert_default(page):
    link = page.locator("a")
    expect(link).to_be_visible()
    expect(link).to_have_text("Sign up")
    expect(link).to_have_attribute("href", "/signup")
    assert link.evaluate("(element) => element.attributes.length") <= 3


@pytest.mark.parametrize(
    "fault", [{"is_down": True}, {"evaluation_status": 500}, {"evaluation_status": 401}], ids=str
)
def test_default_stays_when_the_service_fails(visit, service, fault):
    vars(service).update(fault)
    page = visit()
    page.evaluate(f"{CALLS_AT_READY}.then(() => ctaopt.refresh())")
    assert_default(page)
    page.locator("a").click()
    page.wait_for_url("**/signup")
    assert service.events == []


def test_default_stays_when_the_service_is_gone(visit, service):
    service.flags = [flag()]
    page = visit()
    expect(page.locator("a")).to_have_text("Start for free")
    service.stop()
    page.reload()
    assert_default(page)


def test_late_answer_is_not_used(visit, service, hurried_page):
    service.flags = [flag()]
    service.gate.clear()
    page = visit(page=hurried_page)
    service.wait_for_evaluations(1)
    # Shown again although no answer has come yet.
    expect(page.locator("a")).to_be_visible()
    with page.expect_response("**/ofrep/v1/evaluate/flags"):
        service.gate.set()
    page.wait_for_function("localStorage['ctaopt.flags']")
    assert_default(page)
    page.locator("a").click()
    page.wait_for_url("**/signup")
    assert service.events == []


def test_only_the_cta_is_hidden_while_the_answer_is_awaited(visit, service, hurried_page):
    stop_clock(hurried_page)
    service.gate.clear()
    page = visit(f"<p>Read this</p>{LINK}", page=hurried_page)
    expect(page.locator("a")).to_have_css("visibility", "hidden")
    expect(page.locator("p")).to_be_visible()
    page.clock.run_for(299)
    expect(page.locator("a")).to_have_css("visibility", "hidden")
    page.clock.run_for(1)
    expect(page.locator("a")).to_be_visible()


def test_focused_element_is_not_hidden(visit, service):
    service.gate.clear()
    page = visit(attributes='data-consent="required"')
    page.locator("a").focus()
    page.evaluate("void ctaopt.consent(true)")
    service.wait_for_evaluations(1)
    expect(page.locator("a")).to_be_focused()
    expect(page.locator("a")).to_be_visible()


def test_exposure_waits_until_half_of_it_is_visible(visit, service):
    service.flags = [flag()]
    block = LINK.replace("<a", '<a style="display: block; height: 100px; margin: 560px 0 900px"')
    page = visit(f"<body style='margin: 0'>{block}")
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("new Promise((done) => setTimeout(done, 700))")  # longer than a batch waits
    assert service.events == []
    page.evaluate("scrollTo(0, 10)")
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
    page.evaluate(f"{CALLS_AT_READY}.then(() => ctaopt.convert('end'))")
    assert [event["type"] for event in service.wait_for_events(1)] == ["conversion"]


def test_click_is_sent_before_the_browser_leaves(visit, service):
    service.flags = [flag()]
    page = visit()
    page.get_by_text("Start for free").click()
    page.wait_for_url("**/start")
    events = service.wait_for_events(2)
    assert {event["type"] for event in events} == {"exposure", "click"}
    click = of_type(events, "click")[0]
    assert (click["slot"], click["variant"], click["experiment"]) == ("hero-signup", "b", "hero-1")


def test_click_proves_the_exposure(visit, service):
    service.flags = [flag()]
    page = visit("<div style='height: 2000px'></div>" + LINK)
    expect(page.locator("a")).to_have_text("Start for free")
    page.locator("a").evaluate("(link) => link.click()")
    assert [event["type"] for event in service.wait_for_events(2)] == ["exposure", "click"]


def test_middle_click_counts(visit, service):
    service.flags = [flag()]
    page = visit()
    page.get_by_text("Start for free").click(button="middle")
    assert len(of_type(service.wait_for_events(2), "click")) == 1


def test_conversion_says_its_goal_and_value(visit, service):
    page = visit()
    page.evaluate(
        f"{CALLS_AT_READY}.then(() => ctaopt.convert('order', {{value: 12.5, currency: 'EUR'}}))"
    )
    (event,) = service.wait_for_events(1)
    assert event.keys() == {"id", "type", "visitor", "goal", "value", "currency", "at"}
    assert (event["goal"], event["value"], event["currency"]) == ("order", 12.5, "EUR")


def test_refused_events_are_sent_again_with_the_same_ids(visit, service):
    service.flags = [flag()]
    service.events_status = 503
    page = visit()
    first = service.wait_for_events(1)[0]
    service.events_status = 202
    page.reload()
    events = service.wait_for_events(len(service.events) + 2)
    assert first in events[1:]
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")


def test_invalid_events_are_not_sent_again(visit, service):
    service.flags = [flag()]
    service.events_status = 400
    page = visit()
    service.wait_for_events(1)
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")


def test_beacon_is_confirmed_by_the_next_page(visit, service):
    service.flags = [flag()]
    page = visit()
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
        f"{CALLS_AT_READY}.then(() => {{for (let n = 0; n < 150; n++) ctaopt.convert('g' + n)}})"
    )
    goals = page.evaluate("JSON.parse(localStorage['ctaopt.outbox']).map(({goal}) => goal)")
    assert goals == [f"g{number}" for number in range(50, 150)]


SIGNALS = [("globalPrivacyControl", "true"), ("doNotTrack", "'1'")]


@pytest.mark.parametrize(("signal", "value"), SIGNALS)
def test_privacy_signal_is_honoured(visit, service, browser_page, signal, value):
    browser_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{signal}', {{get: () => {value}}})"
    )
    page = visit()
    page.evaluate(
        f"{CALLS_AT_READY}.then(() => {{ctaopt.convert('end'); return ctaopt.refresh()}})"
    )
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
    page.evaluate(
        f"{CALLS_AT_READY}.then(() => {{ctaopt.convert('end'); return ctaopt.refresh()}})"
    )
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


@pytest.mark.parametrize("given", [True, False])
def test_consent_can_come_before_the_snippet(visit, service, given):
    service.flags = [flag()]
    early = f"<script>(window.ctaopt ||= []).push(['consent', {str(given).lower()}])</script>"
    page = visit(head=early, attributes='data-consent="required"' if given else "")
    page.evaluate(f"{CALLS_AT_READY}.then(() => ctaopt.refresh())")
    expect(page.locator("a")).to_have_text("Start for free" if given else "Sign up")
    assert bool(service.evaluations) is given


def test_default_stays_without_storage(visit, service, browser_page):
    browser_page.add_init_script(HIDE_LOCAL_STORAGE)
    page = visit()
    page.evaluate(f"{CALLS_AT_READY}.then(() => ctaopt.refresh())")
    assert_default(page)
    assert service.evaluations == []


def test_named_visitor_needs_no_storage(visit, service, browser_page):
    browser_page.add_init_script(HIDE_LOCAL_STORAGE)
    service.flags = [flag()]
    page = visit(attributes='data-visitor="customer-7"')
    expect(page.locator("a")).to_have_text("Start for free")
    assert service.wait_for_events(1)[0]["visitor"] == "customer-7"


def test_refresh_serves_a_single_page_application(visit, service):
    service.flags = [flag(), flag("footer", experiment="foot-1", text="Join us")]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(
        """() => {
            history.pushState({}, "", "/pricing");
            document.body.insertAdjacentHTML("beforeend", '<a data-cta-slot="footer">Join</a>');
            return ctaopt.refresh();
        }"""
    )
    expect(page.get_by_text("Join us")).to_be_visible()
    slots = sorted(event["slot"] for event in service.wait_for_events(3))
    assert slots == ["footer", "hero-signup", "hero-signup"]
    assert service.evaluations[1].context["path"] == "/pricing"


def test_ended_test_puts_the_default_back(visit, service):
    service.flags = [flag(style={"text_color": "#102030", "size": "small"})]
    page = visit()
    expect(page.locator("a")).to_have_text("Start for free")
    service.flags = []
    page.evaluate("ctaopt.refresh()")
    assert_default(page)
    expect(page.locator("a")).to_have_css("font-size", "16px")


def test_half_parsed_element_is_left_alone(service, site, browser_page):
    service.flags = [flag()]
    script = f'<script async src="{service.origin}/cta.js" data-key="k-1"></script>'
    # Over 1 kB before the gap, or the parser would wait for more of the first chunk.
    head = f"<!doctype html><title>Site</title>{script}<!--{'x' * 2_000}--><p>Start</p>"
    site.pages["/"] = [head + '<a data-cta-slot="hero-signup" href="/signup">Sign', " up</a><p>End"]
    site.gate.clear()
    browser_page.goto(site.origin, wait_until="commit")
    expect(browser_page.locator("a")).to_have_text("Sign")
    browser_page.wait_for_function("localStorage['ctaopt.flags']")
    site.gate.set()
    expect(browser_page.locator("a")).to_have_text("Start for free")


def test_strict_content_security_policy_is_enough(visit, service, site):
    site.policy = (
        f"default-src 'none'; script-src {service.origin}; connect-src {service.origin}; "
        "require-trusted-types-for 'script'"
    )
    service.flags = [flag(style={"background_color": "#102030", "icon": "→"})]
    page = visit()
    expect(page.locator("a")).to_have_css("background-color", "rgb(16, 32, 48)")
    service.wait_for_events(1)


def test_integrity_hash_lets_the_snippet_load(visit, service):
    service.flags = [flag()]
    integrity = (SDK_DIST / "cta.js.sri").read_text().strip()
    page = visit(attributes=f'integrity="{integrity}" crossorigin="anonymous"')
    expect(page.locator("a")).to_have_text("Start for free")


def test_snippet_adds_only_its_interface_to_the_page(visit, browser_page):
    browser_page.add_init_script("window.before = new Set(Object.keys(window))")
    page = visit()
    page.evaluate(CALLS_AT_READY)
    added = page.evaluate("Object.keys(window).filter((name) => !before.has(name))")
    assert added == ["before", "ctaopt"]
    assert sorted(page.evaluate("Object.keys(ctaopt)")) == [
        "consent",
        "convert",
        "push",
        "refresh",
        "visitor",
    ]
