"""Every page in a browser: axe's rules, double clicks, a phone's width, the keyboard, weight."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.end_to_end.admin_walk import AXE, OVERFLOW, AdminVisit
from tests.end_to_end.double_clicks import double_clicks
from tests.end_to_end.every_page import NO_PAGES, ROWS, Pages, is_no_page, routes
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

BYTES = """["resource", "navigation"].flatMap((type) => performance.getEntriesByType(type))
    .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
MOST_BYTES = {
    "/admin/": 300_000,
    "/admin/experiments/experiment/": 300_000,
    "/admin/experiments/cta/": 300_000,
    "/admin/experiments/job/rank/": 300_000,
    "/calculators/significance/": 300_000,
    "/admin/experiments/site/compose/": 300_000,
    "/admin/experiments/slot/compose/": 300_000,
    "/admin/experiments/audience/compose/": 300_000,
    "/admin/experiments/webhook/compose/": 300_000,
    # The raw form of a test loads the theme's widgets, and half of it is its HTML.
    "/admin/experiments/experiment/add/": 400_000,
}
# Each language with each width and each scheme, each width with each scheme: all pairs.
VIEWS = [
    ("en-GB", 1280, "light"),
    ("en-GB", 390, "dark"),
    ("fr", 1280, "dark"),
    ("fr", 390, "light"),
]
# Swagger UI draws the description of the API: what it breaks inside its own part is not ours.
FOREIGN = re.compile(r"^(color-contrast|heading-order|nested-interactive|region): ")
# A CTA as it will look on a dark page, in the colours that its author chose; the check of contrast
# beside it says so.
DRAWN = re.compile(r"^color-contrast: .*\.cta-ground-dark")
# The page of a refused log-in says so by its status, too.
REFUSED = {"account/sso/error/": 401}
# For visitors: it has no script that could stop a second click, which the service counts once.
WITHOUT_SCRIPTS = "shared/"
# A click asks the browser for a security key, and sends nothing.
ASKS_FOR_A_KEY = "account/2fa/webauthn/reauthenticate/"


@pytest.fixture(scope="module")
def axe():
    node(CLIENTS)
    return (CLIENTS / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def visit_of(chromium, demo, *, locale, width, scheme):
    size = {"width": width, "height": 900}
    # axe comes as a script of no page's policy.
    context = chromium.new_context(
        locale=locale, viewport=size, color_scheme=scheme, bypass_csp=True
    )
    visit = AdminVisit(context, demo)
    visit.log_in()
    visit.page.wait_for_url("**/admin/")
    return visit


@pytest.fixture(scope="module")
def rows(demo):
    """Rows for the address of every page, and sessions of people, in the demo."""
    demo.manage("shell", "--no-imports", "--command", ROWS)
    return json.loads((demo.data_dir / "rows.json").read_text())


class Looker:
    """Browsers of a visitor and of two people, in one language, width and scheme."""

    def __init__(self, chromium, demo, rows, *, axe, view):
        locale, self._width, scheme = view
        size = {"width": self._width, "height": 900}
        self._axe, self._visits = axe, {}
        self.found, self.posting = [], []
        for person in ("", *rows["sessions"]):
            # axe comes as a script of no page's policy.
            context = chromium.new_context(
                locale=locale, viewport=size, color_scheme=scheme, bypass_csp=True
            )
            visit = AdminVisit(context, demo)
            visit.page.on("console", self._hear)
            if person:
                cookie = {"name": "sessionid", "value": rows["sessions"][person]}
                context.add_cookies([cookie | {"url": visit.url}])
            self._visits[person] = visit

    def look(self, path, person):
        """Open a page, and note what is wrong with it."""
        visit = self._visits[person]
        self._path = path
        answer = visit.open(f"/{path}")
        assert answer.status == REFUSED.get(path, 200), (path, answer.status)
        assert visit.page.url == f"{visit.url}/{path}"
        self.check(visit.page)

    def look_at_second_factor(self):
        """The log-in of somebody who has one stops at its page."""
        self._path = "account/2fa/authenticate/"
        visit = self._visits[""]
        visit.log_in("keyed")
        visit.page.wait_for_url(f"**/{self._path}")
        self.check(visit.page)
        visit.page.context.clear_cookies()

    def check(self, page):
        said = []
        if self._path.startswith("api/docs/"):
            expect(page.locator(".opblock").first).to_be_visible()
        if page.evaluate(OVERFLOW) > 0:
            said.append(f"{page.evaluate(OVERFLOW)} px too wide")
        page.evaluate(self._axe)
        said += page.evaluate(AXE)
        if self._path.startswith("api/docs/"):
            said = [one for one in said if not FOREIGN.search(one)]
        elif not self._path.startswith((WITHOUT_SCRIPTS, ASKS_FOR_A_KEY)):
            clicked = double_clicks(page)
            self.posting += [self._path] * bool(clicked)
            said += [f"{form} is sent {times} times" for form, times in clicked if times != 1]
        self.found += [f"{self._path}: {one}" for one in said if not DRAWN.search(one)]

    def close(self):
        for visit in self._visits.values():
            visit.page.context.close()

    def _hear(self, line):
        if line.type == "error" and self._path not in REFUSED:
            self.found.append(f"{self._path}: {line.text}")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_no_page_breaks_a_rule(chromium, demo, axe, rows, view):
    """Every route of the URL configuration, and each page that differs by the state of its row.

    Each is seen in both languages, widths and schemes, and in every pair of them; in all eight
    together: the pages of the journey (`test_journey.py`).
    """
    looker, pages = Looker(chromium, demo, rows, axe=axe, view=view), Pages(rows)
    for path in pages.all_of_them():
        if path == "account/2fa/authenticate/":
            looker.look_at_second_factor()
        else:
            looker.look(path, pages.person(path))
    looker.close()
    assert {"admin/experiments/experiment/new/", "admin/experiments/cta/add/"} <= {*looker.posting}
    assert not looker.found, "\n".join(looker.found)


def test_what_is_left_out_is_no_page(chromium, demo, rows):
    """No route is named in vain among those that are no pages."""
    context = chromium.new_context()
    visit = AdminVisit(context, demo)
    cookie = {"name": "sessionid", "value": rows["sessions"]["ada"], "url": visit.url}
    context.add_cookies([cookie])
    answered = []
    for route in dict.fromkeys(routes()):
        if not is_no_page(route) or route == "admin/search/":
            continue
        address = f"{visit.url}/{re.sub(r'<[^>]*>', '1', route)}"
        answer = context.request.get(address, max_redirects=0)
        is_html = "text/html" in answer.headers.get("content-type", "")
        answered += [route] * (answer.ok and is_html)
    context.close()
    assert answered == []
    named = {pattern for pattern in NO_PAGES if any(re.search(pattern, one) for one in routes())}
    assert named == set(NO_PAGES)


def test_first_load_is_light(chromium, demo):
    visit = visit_of(chromium, demo, locale="en-GB", width=1280, scheme="light")
    cookies = visit.page.context.cookies()
    visit.page.context.close()
    loaded = {}
    for path in MOST_BYTES:
        context = chromium.new_context()  # Its cache is empty.
        context.add_cookies(cookies)
        visit = AdminVisit(context, demo)
        visit.open(path)
        loaded[path] = visit.page.evaluate(BYTES)
        context.close()
    assert all(20_000 < loaded[path] < most for path, most in MOST_BYTES.items()), loaded


def test_keyboard_skips_the_menu_and_reaches_every_menu(chromium, demo):
    visit = visit_of(chromium, demo, locale="en-GB", width=1400, scheme="light")
    page = visit.page
    visit.open("/admin/experiments/cta/")
    page.keyboard.press("Tab")
    expect(page.locator(".cta-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    person = page.get_by_role("button", name="ada")
    person.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Sessions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Sessions")).to_be_hidden()
    visit.open("/admin/experiments/experiment/add/")
    more = page.get_by_role("button", name="More actions").first
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Add another").first).to_be_visible()
    page.context.close()


def test_icons_are_pictures_not_words(chromium, demo):
    """The font of icons draws each name as one glyph, and a screen reader reads none."""
    visit = visit_of(chromium, demo, locale="en-GB", width=1400, scheme="light")
    names = visit.page.eval_on_selector_all(
        "#nav-sidebar a .material-symbols-outlined",
        """all => all.map(one => [one.textContent.trim(), one.getAttribute("aria-hidden"),
            one.scrollWidth <= 24])""",
    )
    visit.page.context.close()
    assert len(names) > 10
    assert [name for name, hidden, is_glyph in names if hidden != "true" or not is_glyph] == []
