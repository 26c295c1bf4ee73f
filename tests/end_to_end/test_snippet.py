"""What the browser snippet puts on a page, on another origin than the service."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.fake_service import SDK_DIST
from tests.end_to_end.snippet import (
    AT_READY,
    LINK,
    assert_default,
    flag,
    of_type,
    stop_clock,
    wait_until_counting,
)

pytestmark = pytest.mark.slow


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
    page = visit('<form><button data-cta-slot="hero-signup">Sign up</button></form>')
    page.evaluate("document.forms[0].onsubmit = () => { window.submitted = true; return false; }")
    page.get_by_role("button", name="Start for free").click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1
    assert page.evaluate("[submitted, location.pathname]") == [True, "/"]


def test_click_that_the_site_handles_does_not_leave(visit, service):
    service.flags = [flag()]
    page = visit('<button data-cta-slot="hero-signup" type="button">Sign up</button>')
    page.evaluate(
        "document.addEventListener('click', (event) => event.preventDefault(), {capture: true})"
    )
    page.get_by_role("button", name="Start for free").click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1
    assert page.evaluate("location.pathname") == "/"


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "data:text/html,x", "java\nscript:alert(1)"]
)
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
    page.evaluate(f"{AT_READY}.then(() => ctaopt.refresh())")
    assert_default(page)
    assert service.events == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"is_down": True}, "TypeError: Failed to fetch"),
        ({"evaluation_status": 500}, "ctaopt: the service answered 500"),
        ({"evaluation_status": 401}, "ctaopt: the service answered 401"),
    ],
    ids=str,
)
def test_default_stays_when_the_service_fails(visit, service, browser_page, fault, message):
    vars(service).update(fault)
    warnings = []
    browser_page.on("console", lambda entry: warnings.append(entry.text))
    page = visit()
    page.evaluate(f"{AT_READY}.then(() => ctaopt.refresh())")
    assert_default(page)
    assert any(message in warning for warning in warnings)
    page.locator("a").click()
    page.wait_for_url("**/signup")
    assert service.events == []


def test_console_names_what_the_service_refuses(visit, service, browser_page):
    service.evaluation_status = 400
    service.details = "context.targetingKey: is a placeholder"
    with browser_page.expect_console_message(lambda entry: "placeholder" in entry.text) as told:
        page = visit(attributes='data-visitor="undefined"')
    assert told.value.text == f"ctaopt: the service answered 400 {service.details}"
    assert_default(page)


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
    wait_until_counting(page, service)
    page.locator("a").click()
    page.wait_for_url("**/signup")
    # Seen by nobody, and by somebody who was too slow to see it.
    assert {(event["type"], event["late"]) for event in service.wait_for_events(1)} == {
        ("exposure", True)
    }


def test_only_the_cta_is_hidden_while_the_answer_is_awaited(visit, service, hurried_page):
    stop_clock(hurried_page)
    service.gate.clear()
    page = visit(f"<p>Read this</p>{LINK}", 'data-consent="required"', page=hurried_page)
    page.evaluate(f"{AT_READY}.then(() => void ctaopt.consent(true))")
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
    page.evaluate(f"{AT_READY}.then(() => void ctaopt.consent(true))")
    service.wait_for_evaluations(1)
    expect(page.locator("a")).to_be_focused()
    expect(page.locator("a")).to_be_visible()


ADD_FOOTER = (
    """document.body.insertAdjacentHTML("beforeend", '<a data-cta-slot="footer">Join</a>')"""
)
FOOTER = flag("footer", experiment="foot-1", text="Join us")


def test_slot_that_comes_later_is_filled_without_asking_again(visit, service):
    service.flags = [flag(), FOOTER]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(ADD_FOOTER)
    expect(page.get_by_text("Join us")).to_be_visible()
    assert [event["slot"] for event in service.wait_for_events(2)] == ["hero-signup", "footer"]
    assert len(service.evaluations) == 1


def test_single_page_application_is_filled_from_the_answer_that_is_there(visit, service):
    service.flags = [flag(), FOOTER]
    page = visit()
    service.wait_for_events(1)
    page.evaluate(f"history.pushState({{}}, '', '/pricing'); {ADD_FOOTER}")
    expect(page.get_by_text("Join us")).to_be_visible()
    slots = [event["slot"] for event in service.wait_for_events(2)]
    assert (slots, len(service.evaluations)) == (["hero-signup", "footer"], 1)


def test_page_without_a_slot_asks_nothing(visit, service):
    page = visit("<p>No CTA here")
    page.evaluate(f"{AT_READY}.then(() => ctaopt.convert('read'))")
    service.wait_for_events(1)
    assert service.evaluations == []


def test_text_says_its_language_and_direction(visit, service):
    service.flags = [flag(text="ابدأ مجانًا", locale="ar", dir="rtl")]
    link = visit().locator("a")
    expect(link).to_have_text("ابدأ مجانًا")
    expect(link).to_have_attribute("lang", "ar")
    expect(link).to_have_css("direction", "rtl")


def test_nothing_else_moves_when_the_cta_is_filled(visit, service, browser_page):
    browser_page.add_init_script(
        """window.moved = 0;
        new PerformanceObserver((list) => list.getEntries().forEach(({value}) => (moved += value)))
            .observe({type: "layout-shift", buffered: true})"""
    )
    service.flags = [flag(text="Go now!")]
    page = visit(LINK.replace("<a", '<a style="display: inline-block; width: 9em"') + "<p>Below")
    expect(page.locator("a")).to_have_text("Go now!")
    service.wait_for_events(1)
    assert page.evaluate("moved") == 0


def test_previewed_cta_is_shown_and_never_counted(visit, service):
    shown = flag(variant="preview:b", experiment=None)
    shown["metadata"] = {"preview": True}
    service.flags = [shown]
    page = visit(path="/?ctaopt_preview=signed")
    page.get_by_text("Start for free").click()
    page.wait_for_url("**/start")
    page.go_back()
    page.evaluate(f"{AT_READY}.then(() => ctaopt.convert('end'))")
    assert [event["type"] for event in service.wait_for_events(1)] == ["conversion"]
    assert service.evaluations[0].context["url"].endswith("?ctaopt_preview=signed")


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
    browser_page.evaluate(f"{AT_READY}.then(() => new Promise(requestAnimationFrame))")
    expect(browser_page.locator("a")).to_have_text("Sign")
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
    page.evaluate(AT_READY)
    added = page.evaluate("Object.keys(window).filter((name) => !before.has(name))")
    assert added == ["before", "ctaopt"]
    assert sorted(page.evaluate("Object.keys(ctaopt)")) == [
        "consent",
        "convert",
        "onClicked",
        "onConverted",
        "onShown",
        "push",
        "refresh",
        "visitor",
    ]


def test_snippet_that_is_there_twice_counts_once(visit, service):
    service.flags = [flag()]
    source = f'src="{service.origin}/cta.js" data-key="k-1"'
    page = visit(f"{LINK}<script {source}></script><script defer {source}></script>")
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("ctaopt.convert('read')")
    events = service.wait_for_events(2)
    assert sorted(event["type"] for event in events) == ["conversion", "exposure"]
    assert len(service.evaluations) == 1


def test_page_asks_nobody_but_the_service(visit, service, site, browser_page):
    asked = []
    browser_page.on("request", lambda request: asked.append(request.url))
    service.flags = [flag(style={"icon": "→"})]
    visit()
    service.wait_for_events(1)
    allowed = (service.origin, site.origin)
    assert [url for url in asked if not url.startswith(allowed)] == []
