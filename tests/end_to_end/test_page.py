"""A customer's page in a real browser, against the real service."""

import signal
import sqlite3
from contextlib import closing
from time import monotonic, sleep

import pytest
from playwright.sync_api import expect

from tests.end_to_end.conftest import PATIENCE
from tests.end_to_end.demo_process import DemoProcess
from tests.end_to_end.fake_service import FakeSite

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><html lang="fr"><body>
<a data-cta-slot="hero-signup" href="/default">Mon texte de secours</a>
<script async src="{url}/cta.js" data-key="demo-client-key"></script>
</body></html>"""
DEFAULT = "Mon texte de secours"


@pytest.fixture
def demo(tmp_path):
    """The real service, without visitors of its own."""
    demo = DemoProcess(tmp_path / "data")
    try:
        demo.wait_until_it_says("Logs")
        yield demo
    finally:
        demo.stop()


@pytest.fixture
def shop(demo):
    """A page on another origin that embeds the slot."""
    site = FakeSite(pages={"/": [PAGE.format(url=demo.url)], "/default": [DEFAULT]})
    yield site
    site.stop()


def stored(demo, kind, count, seconds=20):
    """Wait for so many events of a kind in the database; return (visitor, variant) of each."""
    deadline = monotonic() + seconds
    query = (
        "SELECT e.visitor, v.key FROM experiments_event e "
        "JOIN experiments_variant v ON v.id = e.variant_id WHERE e.type = ?"
    )
    while True:
        with closing(sqlite3.connect(demo.data_dir / "ctaopt.sqlite3")) as database:
            rows = database.execute(query, (kind,)).fetchall()
        if len(rows) >= count or monotonic() > deadline:
            return rows
        sleep(0.1)


def test_page_is_filled_counted_and_left_alone_when_the_service_stops(
    demo, shop, browser_context, tmp_path
):
    page = browser_context.new_page()
    page.add_init_script(PATIENCE)
    slot = page.locator("[data-cta-slot]")

    page.goto(f"{shop.origin}/")
    expect(slot).not_to_have_text(DEFAULT)
    look = "element => getComputedStyle(element).backgroundColor"
    assert slot.evaluate(look) not in ("rgba(0, 0, 0, 0)", "transparent")
    slot.screenshot(path=tmp_path / "cta.png")
    exposures = stored(demo, "exposure", 1)
    assert len(exposures) == 1

    slot.click()
    assert stored(demo, "click", 1) == exposures

    assert demo.stop(signal.SIGTERM) == 0
    page = browser_context.new_page()
    page.goto(f"{shop.origin}/")
    # Later pages of the visit keep the answer that is stored; a new visitor has none.
    page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.reload()
    page.wait_for_timeout(1_000)
    slot = page.locator("[data-cta-slot]")
    expect(slot).to_have_text(DEFAULT)
    expect(slot).to_be_visible()
    assert slot.get_attribute("href") == "/default"
