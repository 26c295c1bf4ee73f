"""The guard against double clicks in a real browser: forms of the browser's own, and of htmx."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import expect

from tests.end_to_end.double_clicks import double_clicks
from tests.end_to_end.fake_service import FakeSite

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><body>
<form method="post" action="/saved"><input name="method" value="fixed"><button>Save</button></form>
<form method="post" hx-post="/asked" hx-target="#answer"><button>Ask</button></form>
<button hx-post="/pressed">Press</button><p id="answer"></p>
<script>{htmx}</script>{guard}</body>"""


def text_of(name):
    return Path(finders.find(name)).read_text(encoding="utf-8")


@pytest.fixture
def open_page(browser_page):
    """Open the page with the guard or without; `posts` are the paths of what was sent."""
    sites = []

    def open_one(*, with_guard=True):
        guard = f"<script>{text_of('experiments/sent_once.js')}</script>" if with_guard else ""
        page = PAGE.format(htmx=text_of("unfold/js/htmx/htmx.js"), guard=guard)
        sites.append(FakeSite(pages={"/": [page]}))
        browser_page.posts = []
        browser_page.goto(sites[0].origin)
        return browser_page

    yield open_one
    for site in sites:
        site.stop()


def answer_with(page, path, **answer):
    def fulfil(route):
        page.posts.append(route.request.url.rpartition("/")[2])
        route.fulfill(content_type="text/html", **answer)

    page.route(f"**{path}", fulfil)


def test_form_is_sent_once_by_two_clicks(open_page):
    """A field of the name "method" hides the form's own."""
    page = open_page()
    answer_with(page, "/saved", status=200, body="Saved")
    page.dblclick("text=Save")
    page.wait_for_url("**/saved")
    assert page.posts == ["saved"]


def test_form_of_htmx_is_sent_once_by_two_clicks_and_again_once_it_is_answered(open_page):
    page = open_page()
    answer_with(page, "/asked", status=200, body="Answered")
    for number in (1, 2):
        page.dblclick("text=Ask")
        expect(page.locator("#answer")).to_have_text("Answered")
        # A second click that htmx had kept would be on its way by now.
        expect(page.locator("form.htmx-request")).to_have_count(0)
        assert page.posts == ["asked"] * number
        page.evaluate("document.getElementById('answer').textContent = ''")


@pytest.mark.parametrize(
    ("with_guard", "times"), [(True, [1, 1, 2]), (False, [2, 2, 2])], ids=["guarded", "not"]
)
def test_what_is_sent_twice_is_found(open_page, with_guard, times):
    """A button of htmx outside a form has no guard: there is none in the product."""
    found = double_clicks(open_page(with_guard=with_guard))
    assert found == [
        [path, n] for path, n in zip(("/saved", "/asked", "/pressed"), times, strict=True)
    ]
