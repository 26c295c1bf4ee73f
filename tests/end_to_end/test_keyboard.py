"""The wizard, and the end of a test, by keyboard alone: each step shows where the focus is."""

import json
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.accounts.conftest import PASSWORD
from tests.end_to_end.conftest import settle
from tests.end_to_end.live_service import LiveService
from tests.end_to_end.test_end_of_test import SLOT, STARTED, TEXTS, WON, wait_for_pages

pytestmark = pytest.mark.slow

# A patient person gives up after so many.
MOST_PRESSES = 200
# A ring that fades in is not there yet when it is looked for.
AT_ONCE = "*, *::before, *::after { transition: none !important; animation: none !important; }"
# What is wrong with the element in focus; the looks of the one before are compared with those
# that it has now, without the focus.
LOOK = """
(noticed) => {
    const looks = (one) => {
        const shown = (style) => [style.outlineStyle === "none" ? "" : style.outlineWidth
            + style.outlineColor, style.boxShadow, style.borderColor, style.backgroundColor,
            style.textDecoration].join("|");
        return [one, one.parentElement, one.closest("label")].filter(Boolean)
            .map((each) => shown(getComputedStyle(each))).join("~");
    };
    const name = (one) => one.outerHTML.slice(0, 120);
    const faults = [], before = window.focused;
    if (before?.one.isConnected && before.one !== document.activeElement
        && looks(before.one) === before.looks)
        faults.push(`no ring: ${name(before.one)}`);
    const one = document.activeElement;
    window.focused = null;
    if (one === document.body) return faults;
    // Within a field of a date the browser itself rings the part that has the focus.
    window.focused = { one, looks: before?.one === one ? before.looks : looks(one) };
    const box = one.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 10)];
    if (box.width < 2 || box.height < 2) faults.push(`no size: ${name(one)}`);
    else if (x < 0 || y < 0 || x > innerWidth || y > innerHeight)
        faults.push(`out of view at ${x}, ${y}: ${name(one)}`);
    else {
        const top = document.elementFromPoint(x, y), label = one.closest("label");
        if (top && !one.contains(top) && !top.contains(one) && !label?.contains(top))
            faults.push(`under ${name(top)}: ${name(one)}`);
    }
    return faults;
}
"""


class Keyboard:
    """Hands that have no mouse."""

    def __init__(self, page):
        self.page = page
        self.faults = set()

    def press(self, key):
        self.page.keyboard.press(key)
        self._look()

    def type(self, text):
        self.page.keyboard.type(text)

    def reach(self, selector, key="Tab"):
        """Press a key until the focus is there."""
        for _ in range(MOST_PRESSES):
            if self.page.evaluate("(one) => document.activeElement.matches(one)", selector):
                return
            self.press(key)
        raise AssertionError(f"{key} does not reach {selector}")

    def follow(self, selector, key="Enter"):
        """Go to a link or button, press it, and wait for the page that answers."""
        self.reach(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        self.begin()

    def begin(self):
        self.page.wait_for_load_state("load")
        self.page.add_style_tag(content=AT_ONCE)

    def _look(self):
        self.faults.update(self.page.evaluate(LOOK))


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    service = LiveService(tmp_path_factory.mktemp("keyboard"))
    try:
        wait_for_pages(service)
        yield service
    finally:
        service.stop()


@pytest.fixture(
    params=[("en-GB", "en", 1280, "light"), ("fr", "fr", 390, "dark")], ids=["en-desk", "fr-phone"]
)
def visit(request, chromium, live):
    """A function that logs a superuser in by keyboard, in a language."""
    locale, language, width, scheme = request.param
    context = chromium.new_context(
        locale=locale,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        bypass_csp=True,
    )
    page = context.new_page()
    hands = Keyboard(page)

    def log_in():
        page.goto(f"{live.url}/account/login/?next=/admin/")
        hands.begin()
        hands.reach("[name=login]")
        hands.type("ada")
        hands.reach("[name=password]")
        hands.type(PASSWORD)
        with page.expect_navigation(url="**/admin/"):
            page.keyboard.press("Enter")
        hands.begin()
        return hands

    yield SimpleNamespace(log_in=log_in, language=language)
    settle(page)
    context.close()


def test_keyboard_takes_three_wordings_to_a_live_test(live, visit):
    live.django(SLOT)
    hands = visit.log_in()
    page = hands.page
    hands.follow("main a[href*='/experiment/new/']")
    hands.reach("[name=slot]")
    hands.type("Top (top)")
    expect(page.locator("[name=wordings_fr]")).to_be_visible()
    # The other steps came with another load of the page, and the focus is where it was.
    page.wait_for_function("document.activeElement.name === 'slot'")
    hands.begin()
    hands.reach("[name=wordings_fr]")
    hands.type("Commencer\nEssayer")
    hands.reach("[name=wordings_en]")
    hands.type("Start now\nTry it")
    expect(page.locator("#wizard-drawn")).to_contain_text("Try it")
    expect(page.locator("#wizard-checks")).not_to_contain_text(TEXTS[visit.language]["blocks"])
    # An answer of the service while somebody types takes the focus from nobody.
    assert page.evaluate("document.activeElement.name") == "wordings_en"
    hands.reach("[name=who]")
    hands.press("ArrowDown")
    hands.press("ArrowUp")
    expect(page.locator("[name=who]").first).to_be_checked()
    hands.reach("[name=ends_when_planned]")
    hands.press("Space")
    expect(page.locator("[name=ends_when_planned]")).to_be_checked()
    hands.press("Space")
    hands.reach("details:has([name=name]) > summary")
    hands.press("Enter")
    hands.reach("[name=name]")
    hands.type("By keyboard")
    hands.follow("button[name=action][value=start]")
    page.wait_for_url("**/report/")
    expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()
    live.django(STARTED)
    assert (live.folder / "data" / "started.txt").read_text() == "running 3"
    assert hands.faults == set()


def test_keyboard_ends_a_test_and_shows_its_winner_to_everybody(live, visit):
    live.django(WON)
    _default, winner = json.loads((live.folder / "data" / "wordings.json").read_text())
    hands = visit.log_in()
    page = hands.page
    hands.follow("main a[href*='/end/?']")
    hands.reach("[name=outcome]:checked")
    hands.press("ArrowDown")
    expect(page.locator("[value='winner:b']")).not_to_be_checked()
    hands.press("ArrowUp")
    expect(page.locator("[value='winner:b']")).to_be_checked()
    stays = TEXTS[visit.language]["stays"]
    hands.reach("[name=promotes]")
    hands.press("Space")
    expect(page.locator("#end-effect")).to_contain_text(stays)
    hands.press("Space")
    expect(page.locator("#end-effect")).to_contain_text(winner)
    hands.reach("[name=note]")
    hands.type("Shorter words")
    hands.reach("[name=next_step]")
    hands.press("ArrowDown")
    hands.press("ArrowUp")
    hands.follow("main form button.cta-button-main")
    page.wait_for_url("**/report/")
    decision = TEXTS[visit.language]["decision"].format(winner)
    expect(page.get_by_role("heading", name=decision)).to_be_visible()
    expect(page.get_by_text("Shorter words")).to_be_visible()
    assert hands.faults == set()
