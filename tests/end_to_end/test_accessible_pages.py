"""Every page in a browser: axe's rules, double clicks, a phone's width, the keyboard, weight."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.admin_walk import AXE, AdminVisit, kind_of
from tests.end_to_end.double_clicks import double_clicks
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

# Swagger UI's own page: its colours, headings and nested controls are not ours to change.
FOREIGN = {"/api/docs/"}
BYTES = """["resource", "navigation"].flatMap((type) => performance.getEntriesByType(type))
    .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
MOST_BYTES = {
    "/admin/": 300_000,
    "/admin/experiments/experiment/": 300_000,
    "/admin/experiments/cta/": 300_000,
    "/admin/experiments/job/rank/": 300_000,
    "/calculators/significance/": 300_000,
    # Forms of the theme with choices and dates load jQuery and its widgets.
    "/admin/experiments/experiment/add/": 400_000,
}
VIEWS = [("en-GB", 1280, "light"), ("fr", 390, "dark")]


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


@pytest.mark.parametrize(("locale", "width", "scheme"), VIEWS)
def test_no_page_breaks_a_rule(chromium, demo, axe, locale, width, scheme):
    visit = visit_of(chromium, demo, locale=locale, width=width, scheme=scheme)
    said, found, kinds, posting = [], [], set(), set()
    visit.page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    for path, _ in visit.walk():
        kinds.add(kind_of(path)[0])
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{path}: {wide} px wide")
        if path not in FOREIGN:
            visit.page.evaluate(axe)
            found += [f"{path}: {one}" for one in visit.page.evaluate(AXE)]
            clicked = double_clicks(visit.page)
            found += [
                f"{path}: {form} is sent {times} times" for form, times in clicked if times != 1
            ]
            posting |= {kind_of(path)[0] for _ in clicked}
    visit.page.context.close()
    assert {"/admin/experiments/experiment/N/report/", "/admin/experiments/cta/add/"} <= kinds
    assert {"/admin/experiments/experiment/new/", "/admin/experiments/cta/add/"} <= posting
    assert found == []
    assert said == []


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
