"""The admin's actions by data attribute in a real browser: ask first, send on change."""

import pytest

from tests.end_to_end.fake_service import FakeSite

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><body>
<form action="/stopped"><button data-confirm="Stop it?"><b>Stop</b></button></form>
<form action="/chosen"><select name="locale" data-submit-on-change>
<option>fr<option>en</select></form>
<code id="secret">ctaopt_&amp;1</code><button data-copy="secret" data-copied="Copied">Copy</button>
<textarea></textarea>
<script>{script}</script></body>"""


@pytest.fixture
def admin_page(browser_page, pytestconfig):
    static = pytestconfig.rootpath / "experiments" / "static" / "experiments"
    page = PAGE.format(script=(static / "page_actions.js").read_text())
    site = FakeSite(pages={"/": [page], "/stopped": ["Stopped"], "/chosen": ["Chosen"]})
    browser_page.goto(site.origin)
    yield browser_page
    site.stop()


@pytest.mark.parametrize(
    ("answer", "address"), [("accept", "/stopped?"), ("dismiss", "/")], ids=["yes", "no"]
)
def test_button_acts_only_if_the_answer_is_yes(admin_page, answer, address):
    questions = []

    def reply(dialog):
        questions.append(dialog.message)
        getattr(dialog, answer)()

    admin_page.on("dialog", reply)
    admin_page.click("b")
    assert questions == ["Stop it?"]
    admin_page.wait_for_url(f"**{address}")


def test_form_is_sent_when_another_value_is_chosen(admin_page):
    admin_page.select_option("select", "en")
    admin_page.wait_for_url("**/chosen?locale=en")


@pytest.mark.parametrize("has_clipboard", [True, False], ids=["with TLS", "without"])
def test_text_is_copied_and_the_button_says_so(admin_page, has_clipboard):
    if not has_clipboard:
        admin_page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    admin_page.click("[data-copy]")
    admin_page.wait_for_selector("text=Copied")
    admin_page.focus("textarea")
    admin_page.keyboard.press("Control+V")
    assert admin_page.input_value("textarea") == "ctaopt_&1"
