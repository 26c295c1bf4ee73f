"""The snippet's second file: what waits for it, and a page on which it is late or never comes."""

import json

import pytest
from playwright.sync_api import expect

from tests.end_to_end.fake_service import SDK_DIST
from tests.end_to_end.snippet import AT_READY, LINK, assert_default, flag, of_type

pytestmark = pytest.mark.slow

FILLED = "Start for free"
BUTTON = '<button data-cta-slot="hero-signup">Sign up</button>'


def second_of(service):
    return [name for name in service.scripts if name.startswith("cta-more-")]


def wait_a_second(page):
    page.evaluate("new Promise((done) => setTimeout(done, 1000))")


@pytest.fixture
def held(service):
    """A service whose second file does not come before the test says so."""
    service.flags = [flag()]
    service.second_gate.clear()
    return service


def test_text_is_there_before_the_second_file_and_is_counted_with_it(visit, held):
    page = visit()
    expect(page.locator("a")).to_have_text(FILLED)
    page.evaluate("ctaopt.convert('read', {value: 5})")
    page.evaluate("ctaopt.onShown((event) => (window.shown = event.variant))")
    wait_a_second(page)
    assert held.events == []
    held.second_gate.set()
    assert {event["type"] for event in held.wait_for_events(2)} == {"exposure", "conversion"}
    (conversion,) = of_type(held.events, "conversion")
    assert (conversion["goal"], conversion["value"]) == ("read", 5)
    page.wait_for_function("window.shown === 'b'")
    assert len(second_of(held)) == 1


def test_question_for_the_ctas_goes_first(visit, held, browser_page):
    asked = []
    browser_page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    visit()
    held.wait_for_evaluations(1)
    browser_page.wait_for_function("performance.getEntriesByType('resource').length")
    held.second_gate.set()
    held.wait_for_events(1)
    names = [name for name in asked if name == "flags" or name.startswith("cta-more-")]
    assert [name[:5] for name in names][:2] == ["flags", "cta-m"]


def test_what_only_the_second_file_fills_waits_hidden(visit, held):
    page = visit(BUTTON)
    held.wait_for_evaluations(1)
    expect(page.locator("button")).to_have_css("visibility", "hidden")
    held.second_gate.set()
    expect(page.locator("button")).to_be_visible()
    expect(page.locator("button")).to_have_text(FILLED)
    held.wait_for_events(1)


def test_what_waited_too_long_keeps_its_text_and_is_told_late(visit, held, hurried_page):
    page = visit(BUTTON, page=hurried_page)
    held.wait_for_evaluations(1)
    expect(page.locator("button")).to_be_visible()
    wait_a_second(page)
    held.second_gate.set()
    (event,) = held.wait_for_events(1)
    assert (event["type"], event["late"]) == ("exposure", True)
    expect(page.locator("button")).to_have_text("Sign up")


# What waits for the next frame goes on waiting.
NO_FRAMES = "window.requestAnimationFrame = () => 1"
INSERT = f"document.body.insertAdjacentHTML('beforeend', '{LINK}')"


def test_what_the_page_adds_just_before_it_has_not_been_seen(visit, held):
    """A framework may draw the page in the frame in which the second file arrives."""
    page = visit("")
    page.evaluate(AT_READY)
    page.evaluate(NO_FRAMES)
    page.evaluate(INSERT)
    held.second_gate.set()
    expect(page.locator("a")).to_have_text(FILLED)
    (event,) = held.wait_for_events(1)
    assert "late" not in event


def test_text_that_the_page_changes_meanwhile_is_left_and_not_counted(visit, held):
    page = visit()
    expect(page.locator("a")).to_have_text(FILLED)
    page.evaluate("document.querySelector('a').textContent = 'Changed'")
    wait_a_second(page)
    held.second_gate.set()
    page.evaluate("ctaopt.convert('end')")
    held.wait_for_events(1)
    expect(page.locator("a")).to_have_text("Changed")
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    page.locator("a").click()
    wait_a_second(page)
    assert {event["type"] for event in held.events} == {"conversion"}


def test_events_before_it_are_dropped_with_the_consent(visit, held):
    page = visit()
    expect(page.locator("a")).to_have_text(FILLED)
    page.evaluate("ctaopt.convert('read')")
    page.evaluate("ctaopt.consent(false)")
    held.second_gate.set()
    wait_a_second(page)
    assert held.events == []
    assert_default(page)


def test_page_without_the_second_file_fills_and_counts_nothing(visit, held, browser_page):
    """A text that is filled by the time stays; one that waits becomes the page's own."""
    held.is_second_missing = True
    said = []
    browser_page.on("console", lambda entry: said.append(entry.text))
    page = visit(f"{LINK}{BUTTON}")
    expect(page.locator("a")).to_have_text(FILLED)
    held.second_gate.set()
    expect(page.locator("button")).to_be_visible()
    expect(page.locator("button")).to_have_text("Sign up")
    page.evaluate("ctaopt.convert('read')")
    page.evaluate("document.querySelector('a').textContent = 'Changed'")
    wait_a_second(page)
    expect(page.locator("a")).to_have_text("Changed")
    assert [text for text in said if text.startswith("ctaopt: nothing is counted,")] == [
        text for text in said if text.startswith("ctaopt:")
    ]
    assert len([text for text in said if text.startswith("ctaopt:")]) == 1
    page.locator("a").click()
    page.wait_for_url("**/start")
    assert held.events == []


def test_pages_that_may_not_be_measured_do_not_load_it(visit, service):
    page = visit(attributes='data-consent="off"')
    page.evaluate(AT_READY)
    wait_a_second(page)
    assert second_of(service) == []
    service.flags = [flag()]
    page.evaluate("ctaopt.consent(true)")
    service.wait_for_events(1)
    assert len(second_of(service)) == 1


def test_copy_of_the_script_takes_the_second_file_from_the_service(visit, service, site):
    """A site that has copied `cta.js` before there was a second file keeps working."""
    service.flags = [flag()]
    site.pages["/js/cta.js"] = [(SDK_DIST / "cta.js").read_text()]
    script = f'<script async src="/js/cta.js" data-service="{service.origin}" data-key="k-1">'
    site.pages["/"] = [f"<!doctype html><title>Site</title>{script}</script>{LINK}"]
    visit.page.goto(site.origin)
    expect(visit.page.locator("a")).to_have_text(FILLED)
    service.wait_for_events(1)


@pytest.mark.parametrize("is_right", [True, False])
def test_page_can_pin_the_second_file(visit, service, browser_page, is_right):
    (second,) = SDK_DIST.glob("cta-more-*.js")
    value = second.with_name(f"{second.name}.sri").read_text().strip()
    value = value if is_right else f"sha384-{'A' * 64}"
    pins = {"integrity": {f"{service.origin}/{second.name}": value}}
    head = f'<script type="importmap">{json.dumps(pins)}</script>'
    service.flags = [flag()]
    if is_right:
        visit(head=head)
        service.wait_for_events(1)
    else:
        with browser_page.expect_console_message(lambda entry: "nothing is counted" in entry.text):
            visit(head=head)
        assert service.events == []


@pytest.mark.parametrize("policy", ["'nonce-abc'", "'nonce-abc' 'strict-dynamic'"])
def test_nonce_of_the_script_is_enough(visit, service, site, policy):
    site.policy = (
        f"default-src 'none'; script-src {policy}; connect-src {service.origin}; "
        "require-trusted-types-for 'script'"
    )
    service.flags = [flag()]
    page = visit(BUTTON, 'nonce="abc"')
    expect(page.locator("button")).to_have_text(FILLED)
    service.wait_for_events(1)
