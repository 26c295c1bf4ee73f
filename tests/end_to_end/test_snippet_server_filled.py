"""CTAs that the site's own server has filled: the snippet counts them, and leaves them alone."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import flag, of_type

pytestmark = pytest.mark.slow

RENDERED = (
    '<a data-cta-slot="hero-signup" data-cta-variant="c" data-cta-experiment="hero-1" '
    'data-cta-phase="0" href="/start">From the server</a>'
)


def test_cta_that_the_server_filled_is_counted_without_asking(visit, service):
    service.flags = [flag()]
    page = visit(RENDERED, 'data-visitor="v-7"')
    (exposure,) = service.wait_for_events(1)
    names = ("visitor", "variant", "experiment", "slot", "phase")
    assert [exposure[name] for name in names] == ["v-7", "c", "hero-1", "hero-signup", 0]
    page.get_by_text("From the server").click()
    page.wait_for_url("**/start")
    assert of_type(service.wait_for_events(2), "click")[0]["variant"] == "c"
    assert service.evaluations == []


def test_receipt_of_the_server_is_brought_along(visit, service):
    visit(RENDERED.replace("<a", '<a data-cta-receipt="R-1"'), 'data-visitor="v-7"')
    assert service.wait_for_events(1)[0]["receipt"] == "R-1"


def test_server_that_tells_no_phase_is_not_spoken_for(visit, service):
    page = RENDERED.replace('data-cta-phase="0" ', "")
    visit(page, 'data-visitor="v-7"')
    assert service.wait_for_events(1)[0]["phase"] is None


def test_cta_that_the_server_filled_is_left_alone_beside_others(visit, service):
    service.flags = [flag(), flag("footer", experiment="foot-1", text="Join us")]
    page = visit(f'{RENDERED} <a data-cta-slot="footer">Join</a>')
    expect(page.get_by_text("Join us")).to_be_visible()
    expect(page.locator("a").first).to_have_text("From the server")


def test_visitor_is_the_one_that_the_server_knows(visit, service, browser_context, site):
    browser_context.add_cookies([{"name": "ctaopt_visitor", "value": "s-1", "url": site.origin}])
    page = visit(RENDERED)
    assert service.wait_for_events(1)[0]["visitor"] == "s-1"
    page.evaluate("ctaopt.consent(false)")
    assert page.evaluate("document.cookie") == ""
