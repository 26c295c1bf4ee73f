"""What the browser tests of the snippet share: answers, pages and a look at the default."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.end_to_end.fake_service import FakeService, FakeSite

LINK = '<a data-cta-slot="hero-signup" href="/signup">Sign up</a>'
OTHER_PAGE = "<!doctype html><title>Other</title><p>Other page"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
# A promise for JavaScript in the page: the snippet has loaded.
AT_READY = """new Promise((resolve) => (function look() {
    window.ctaopt?.visitor ? resolve() : requestAnimationFrame(look); })())"""


def flag(slot="hero-signup", variant="b", experiment: str | None = "hero-1", **value) -> Any:
    """An OFREP answer for one slot: an arm of an experiment, or a plain CTA without one."""
    return {
        "key": slot,
        "variant": variant,
        "reason": "SPLIT" if experiment else "STATIC",
        "value": {"text": "Start for free", "href": "/start", "form": "link"} | value,
        "metadata": {"experiment": experiment, "arm": 1, "phase": 2} if experiment else {},
    }


class Visit:
    """Opens a page of the site that embeds the snippet; returns the page."""

    def __init__(self, page: Page, service: FakeService, site: FakeSite) -> None:
        self.page, self.service, self.site = page, service, site
        for path in ("/start", "/signup"):
            site.pages[path] = [OTHER_PAGE]

    def __call__(
        self, body=LINK, attributes="", *, path="/", head="", page: Page | None = None
    ) -> Page:
        source = f'src="{self.service.origin}/cta.js" data-key="k-1"'
        html = (
            f'<!doctype html><html lang="fr"><title>Site</title>{head}'
            f"<script async {source} {attributes}></script><body>{body}</body>"
        )
        self.site.pages[path.partition("?")[0]] = [html]
        page = page or self.page
        page.goto(self.site.origin + path)
        return page


def wait_until_counting(page: Page, service: FakeService) -> Page:
    """Wait for the snippet's second file: who leaves the page before it is not counted."""
    name = service.wait_for_second_file()
    # Resolves after the snippet's own import, which began before.
    page.evaluate("(url) => import(url).then(() => null)", f"{service.origin}/{name}")
    return page


def of_type(events, kind):
    return [event for event in events if event["type"] == kind]


def stop_clock(page: Page) -> None:
    """Let the page's time pass only when the test says so."""
    page.clock.install(time=NOON)
    page.clock.pause_at(NOON + timedelta(seconds=1))


def assert_default(page: Page) -> None:
    """The link of the page is as the page's author wrote it."""
    link = page.locator("a")
    expect(link).to_be_visible()
    expect(link).to_have_text("Sign up")
    expect(link).to_have_attribute("href", "/signup")
    names = link.evaluate("(element) => element.getAttributeNames().sort()")
    # An emptied style attribute may remain.
    assert [name for name in names if name != "style"] == ["data-cta-slot", "href"]
    assert not link.get_attribute("style")
