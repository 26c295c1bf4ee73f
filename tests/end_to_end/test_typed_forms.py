"""Forms of the admin in a real browser: brought back after a log-in."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.fake_service import FakeSite

pytestmark = pytest.mark.slow

FORM = """<!doctype html><body><template id="cta-words" data-typed-again="Back."></template>
<form method="post" action="/saved"><textarea name="text"></textarea>
<input type="checkbox" name="tick"><input type="hidden" name="token" value="{token}">
<select name="size"><option>small<option>large</select><button>Save</button></form>
<script>{script}</script></body>"""
LOG_IN = '<!doctype html><a href="/form">Log in</a>'


@pytest.fixture
def form(browser_page, pytestconfig):
    """A page with a form; `posts` are what was sent, and the answer leads to the log-in."""
    static = pytestconfig.rootpath / "experiments" / "static" / "experiments"
    script = (static / "typed_forms.js").read_text()
    pages = {
        "/form": [FORM.format(script=script, token="new")],
        "/account/login/": [LOG_IN],
        "/elsewhere": [LOG_IN],
    }
    site = FakeSite(pages=pages)
    browser_page.posts = []

    def answer(route):
        browser_page.posts.append(route.request.post_data)
        route.fulfill(status=200, content_type="text/html", body="Saved")

    browser_page.route("**/saved", answer)
    browser_page.origin = site.origin
    browser_page.goto(f"{site.origin}/form")
    yield browser_page
    site.stop()


def send_typed(form):
    form.fill("[name=text]", "Hello")
    form.check("[name=tick]")
    form.select_option("[name=size]", "large")
    form.click("button")
    form.wait_for_url("**/saved")


def test_typed_values_are_back_after_the_log_in(form):
    send_typed(form)
    form.goto(f"{form.origin}/account/login/")
    form.click("a")
    expect(form.locator("[name=text]")).to_have_value("Hello")
    expect(form.locator("[name=tick]")).to_be_checked()
    expect(form.locator("[name=size]")).to_have_value("large")
    expect(form.locator("[name=token]")).to_have_value("new")
    expect(form.get_by_role("status")).to_have_text("Back.")
    # Once: what is on the page next time is the page's own.
    form.goto(f"{form.origin}/account/login/")
    form.click("a")
    expect(form.locator("[name=text]")).to_have_value("")


def test_form_that_was_sent_is_empty_afterwards(form):
    send_typed(form)
    form.goto(f"{form.origin}/elsewhere")
    form.click("a")
    expect(form.locator("[name=text]")).to_have_value("")
    expect(form.get_by_role("status")).to_have_count(0)
