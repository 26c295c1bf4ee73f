"""Every page of the admin, of one's account and for the public in a browser, under the policy.

A violation is an event that the browser sends the page; each page is listened to from its start.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.accounts.conftest import PASSWORD
from tests.end_to_end.admin_walk import AdminVisit, kind_of

pytestmark = pytest.mark.slow

LISTEN = """
document.addEventListener("securitypolicyviolation", (event) => window.tellViolation(
    `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} `
    + event.sample));
"""


class Visit(AdminVisit):
    """A superuser's visit with the violations it has seen."""

    def __init__(self, context, demo):
        super().__init__(context, demo)
        self.violations = []
        context.expose_function("tellViolation", self._note)
        context.add_init_script(LISTEN)
        context.on("console", self._read)
        self.page.set_viewport_size({"width": 1400, "height": 900})

    def _note(self, text):
        self.violations.append(f"{self.where}: {text}")

    def _read(self, message):
        if "Content Security Policy" in message.text:
            self._note(message.text)


@pytest.fixture
def visit(browser_context, demo):
    visit = Visit(browser_context, demo)
    visit.log_in()
    visit.page.wait_for_url("**/admin/")
    return visit


def test_no_page_breaks_the_policy(visit):
    seen = []
    for path, answer in visit.walk():
        assert "content-security-policy" in answer.headers, path
        seen.append(path)
    models = {
        path.split("/")[3] for path in seen if path.startswith("/admin/") and path.count("/") > 3
    }
    wanted = {"experiment", "cta", "slot", "audience", "site", "serverkey", "user", "job"}
    assert wanted <= models
    assert {kind_of(path)[0] for path in seen} >= {
        "/admin/experiments/experiment/N/report/",
        "/admin/experiments/experiment/N/traffic/",
        "/admin/experiments/experiment/add/",
        "/admin/experiments/experiment/N/change/",
        "/admin/experiments/cta/add/",
        "/admin/experiments/job/rank/",
        "/admin/accounts/loginrecord/",
        "/account/2fa/",
    }
    assert visit.violations == []


def test_pages_of_the_theme_work_under_the_policy(visit):
    """Menus, tabs, dates and choices are what needs scripts."""
    page = visit.page
    visit.open("/admin/experiments/experiment/add/")
    page.locator(".select2-selection").first.click()
    expect(page.locator(".select2-results__option").first).to_be_visible()
    page.keyboard.press("Escape")
    visit.open("/admin/experiments/cta/")
    page.locator("th input[type=checkbox]").first.check()
    visit.open("/admin/")
    expect(page.locator("text=Sessions")).to_be_hidden()
    page.locator("#nav-sidebar").get_by_text("ada").last.click()
    expect(page.locator("text=Sessions")).to_be_visible()
    assert visit.violations == []


def test_second_factors_are_set_up_under_the_policy(browser_context, demo):
    """A security key that the browser plays, then a log-in with it."""
    visit = Visit(browser_context, demo)
    visit.log_in("grace")
    page = visit.page
    page.wait_for_url("**/admin/")
    key = browser_context.new_cdp_session(page)
    key.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    key.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    visit.open("/account/2fa/webauthn/add/")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/webauthn/add/**")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/**")
    visit.open("/account/2fa/totp/activate/")
    expect(page.locator("img.account-image")).to_be_visible()
    assert page.evaluate("document.querySelector('img.account-image').naturalWidth") > 100
    page.locator("#nav-sidebar").get_by_text("grace").last.click()
    page.click("#logout-form button")
    visit.log_in("grace")
    page.wait_for_url("**/2fa/authenticate/**")
    page.click("#mfa_webauthn_authenticate")
    page.wait_for_url("**/admin/")
    assert visit.violations == []


def test_log_in_page_keeps_the_policy(browser_context, demo):
    visit = Visit(browser_context, demo)
    visit.open("/account/login/")
    visit.open("/")
    expect(visit.page.locator("#arm")).to_have_text(re.compile("control|[bcd]"))
    assert visit.violations == []


@pytest.mark.parametrize(
    ("path", "script", "directive"),
    [
        ("/admin/", "document.body.append(inline('fail()'))", "script-src-elem"),
        ("/admin/", "document.body.setAttribute('onclick', 'fail()')", "script-src-attr"),
        ("/admin/", "location.href = 'javascript:fail()'", "script-src-elem"),
        ("/admin/", "document.body.append(outside())", "script-src-elem"),
        ("/", "eval('1')", "script-src"),
        ("/api/docs/", "eval('1')", "script-src"),
    ],
)
def test_injected_script_does_not_run(visit, path, script, directive):
    """Also shows that the walk above would see a violation."""
    visit.open(path)
    helpers = """
        const inline = (text) => Object.assign(document.createElement("script"), {text});
        const outside = () => Object.assign(
            document.createElement("script"), {src: "https://evil.example/x.js"});
        const fail = () => { window.failed = true; };
    """
    # As a timer of the page's own: what is evaluated from outside is not under its policy.
    attempt = f"try {{ {script}; document.body.click(); }} catch (e) {{}}"
    body = f"() => {{ {helpers}; setTimeout(() => {{ {attempt} }}, 0); }}"
    visit.page.evaluate(body)
    for _ in range(100):
        visit.page.wait_for_timeout(100)
        if any(directive in one for one in visit.violations):
            break
    assert any(directive in one for one in visit.violations), visit.violations
    assert visit.page.evaluate("window.failed") is None
