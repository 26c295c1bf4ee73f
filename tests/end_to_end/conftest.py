import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from tests.end_to_end.admin_walk import PERSON
from tests.end_to_end.demo_process import DemoProcess
from tests.end_to_end.fake_service import FakeService, FakeSite
from tests.end_to_end.snippet import Visit
from tests.missing import leave_out

# A page answers when the cores are free for it: nothing here is a matter of seconds.
ANSWER_MS = 120_000
expect.set_options(timeout=ANSWER_MS)

# Chromium without its own windows opens a page for a fifth of the processor's time.
CHROMIUM = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # As a visitor's: the snippet does not count browsers that a program drives.
    "--disable-blink-features=AutomationControlled",
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36",
]

# The snippet waits 300 ms from the first paint, which a busy test machine may need for anything:
# in these pages nothing is painted, and the wait is long.
PATIENCE = """(() => {
    const real = performance.getEntriesByType.bind(performance);
    performance.getEntriesByType = (type) => type === "paint" ? [] : real(type);
    new MutationObserver(() => {
        for (const script of document.querySelectorAll("script[data-key]:not([data-patience])"))
            script.dataset.patience = 30000;
    }).observe(document, {childList: true, subtree: true});
})()"""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A demo with two hundred visitors and two superusers, for all modules that only look at it.

    Starting one takes twenty seconds; a module that stops or fills its demo starts its own.
    """
    demo = DemoProcess(tmp_path_factory.mktemp("demo") / "data", visitors=200)
    try:
        demo.wait_until_it_says("all came", seconds=300)
        demo.manage("shell", "--command", PERSON)
        yield demo
    finally:
        demo.stop()


def chromium_program() -> Path:
    """The browser of this machine; a test without one is left out."""
    program = next((path for path in CHROMIUM if path.exists()), None)
    if program is None:
        leave_out("no browser in /usr/bin (Debian package chromium-headless-shell)")
    return program


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser, one a module.

    Playwright's synchronous interface keeps an event loop in this thread, in which Django
    takes database calls for a mistake; so the browser does not outlive its module, and the
    variable lets a test of that module look into the database.
    """
    program = chromium_program()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        open_context = browser.new_context

        def open_patient_context(**options: Any) -> BrowserContext:
            context = open_context(**options)
            context.set_default_timeout(ANSWER_MS)
            return context

        patch.setattr(browser, "new_context", open_patient_context)
        yield browser
        browser.close()


def settle(page: Page) -> None:
    """End whatever navigation a test has left under way.

    Closing a context in the middle of one hangs for ever (Playwright 1.65 with Chromium 156:
    within the first three of 150 tries, twice).
    """
    for _ in range(10):
        with contextlib.suppress(Error):  # interrupted by that navigation: once more
            page.goto("about:blank")
            return


@pytest.fixture
def browser_context(chromium: Browser) -> Iterator[BrowserContext]:
    """A visitor's browser: empty storage, shared by the pages that a test opens in it."""
    context = chromium.new_context(locale="en-GB", viewport={"width": 1000, "height": 600})
    yield context
    for page in context.pages:
        settle(page)
    context.close()


@pytest.fixture
def browser_page(browser_context: BrowserContext) -> Page:
    """A page in which the snippet waits for its answer as long as the test machine needs."""
    page = browser_context.new_page()
    page.add_init_script(PATIENCE)
    return page


@pytest.fixture
def hurried_page(browser_context: BrowserContext) -> Page:
    """A page in which the snippet waits as long as it does for real visitors."""
    return browser_context.new_page()


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    yield fake
    fake.stop()


@pytest.fixture
def site() -> Iterator[FakeSite]:
    fake = FakeSite()
    yield fake
    fake.stop()


@pytest.fixture
def visit(service: FakeService, site: FakeSite, browser_page: Page) -> Visit:
    # The servers come first, so that the browser leaves before they do.
    return Visit(browser_page, service, site)
