"""The package `ctaopt` in a page's own bundle, in a real browser."""

import subprocess

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import LINK, flag
from tests.missing import node
from tests.node import CLIENTS
from tests.npm_package import install, pack

pytestmark = pytest.mark.slow

PAGE = """import {{ start }} from "ctaopt";
const cta = start({{ service: "{origin}/", key: "k-1", {options} }});
window.heard = [];
cta.onShown(({{ variant }}) => window.heard.push(variant));
window.cta = cta;
window.again = start({{ service: "https://other.example", key: "k-9" }});
"""
REQUIRED = """const { start } = require("ctaopt");
window.cta = start({ service: "ORIGIN", key: "k-1" });
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npm")
    return install(pack(folder), folder / "empty")


@pytest.fixture
def open_bundle(installed, service, site, browser_page):
    """Opens a page whose script was bundled, and minified, with the package."""

    def open_bundle(source, name="page.js", head=""):
        entry, output = installed / name, installed / "bundle.js"
        entry.write_text(source)
        command = [node(CLIENTS), "bundle.mjs", str(entry), str(output)]
        result = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        site.pages["/bundle.js"] = [output.read_text()]
        site.pages["/"] = [
            f"<!doctype html><title>Site</title>{head}{LINK}<script src='/bundle.js'></script>"
        ]
        browser_page.goto(site.origin)
        return browser_page

    return open_bundle


def test_bundle_fills_and_counts(open_bundle, service):
    service.flags = [flag()]
    page = open_bundle(PAGE.format(origin=service.origin, options=""))
    expect(page.locator("a")).to_have_text("Start for free")
    (exposure,) = service.wait_for_events(1)
    assert (exposure["variant"], exposure["visitor"]) == ("b", page.evaluate("cta.visitor()"))
    page.wait_for_function("heard.length")
    assert page.evaluate("[heard, cta === window.ctaopt, again === cta]") == [["b"], True, True]
    assert service.evaluations[0].headers["x-api-key"] == "k-1"


def test_bundle_makes_up_for_early_calls(open_bundle, service):
    early = '<script>(window.ctaopt ||= []).push(["convert", "read"])</script>'
    open_bundle(PAGE.format(origin=service.origin, options=""), head=early)
    assert [event["goal"] for event in service.wait_for_events(1)] == ["read"]


def test_options_are_those_of_the_script(open_bundle, service, site):
    options = 'consent: "off", visitor: 42, layer: "dataLayer"'
    service.flags = [flag()]
    page = open_bundle(PAGE.format(origin=service.origin, options=options))
    assert (page.evaluate("cta.visitor()"), service.evaluations) == (None, [])
    page.evaluate("cta.consent(true)")
    assert service.wait_for_evaluations(1)[0].context["targetingKey"] == 42
    page.wait_for_function("window.dataLayer?.length")


def test_bundle_of_commonjs_works_too(open_bundle, service):
    service.flags = [flag()]
    page = open_bundle(REQUIRED.replace("ORIGIN", service.origin), "page.cjs")
    expect(page.locator("a")).to_have_text("Start for free")


def test_bundle_beside_the_script_starts_once(open_bundle, service):
    service.flags = [flag()]
    head = f'<script src="{service.origin}/cta.js" data-key="k-1"></script>'
    page = open_bundle(PAGE.format(origin=service.origin, options=""), head=head)
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("cta.convert('end')")
    kinds = [event["type"] for event in service.wait_for_events(2)]
    assert sorted(kinds) == ["conversion", "exposure"]


PREPARED = "Object.defineProperty(document, 'prerendering', {value: true, configurable: true})"
SHOWN = """() => { delete document.prerendering;
    document.dispatchEvent(new Event('prerenderingchange')) }"""


def test_bundle_waits_in_a_page_that_is_prepared_for_later(open_bundle, service):
    """Calls are made up for when somebody comes to the page."""
    service.flags = [flag()]
    page = open_bundle(
        PAGE.format(origin=service.origin, options="patience: 30000") + 'cta.convert("read");',
        head=f"<script>{PREPARED}</script>",
    )
    page.evaluate("cta.refresh().then(() => (window.isRefreshed = true)); null")
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    assert page.evaluate("[cta.visitor(), localStorage.length, window.isRefreshed]") == [
        None,
        0,
        None,
    ]
    assert (service.evaluations, service.scripts) == ([], [])
    page.evaluate(SHOWN)
    expect(page.locator("a")).to_have_text("Start for free")
    assert sorted(event["type"] for event in service.wait_for_events(2)) == [
        "conversion",
        "exposure",
    ]
    page.wait_for_function("heard.length && isRefreshed")
    page.evaluate("cta.convert('end')")
    (end,) = [event for event in service.wait_for_events(3) if event.get("goal") == "end"]
    assert end["visitor"] == page.evaluate("cta.visitor()")


def test_consent_in_a_prepared_page_goes_before_that_of_the_options(open_bundle, service):
    page = open_bundle(
        PAGE.format(origin=service.origin, options="") + 'cta.consent("off");',
        head=f"<script>{PREPARED}</script>",
    )
    page.evaluate(SHOWN)
    page.evaluate("new Promise((done) => setTimeout(done, 500))")
    assert page.evaluate("[cta.visitor(), localStorage.length]") == [None, 0]
    assert service.evaluations == []
