"""Pages made with what people make pages with, around the browser snippet."""

import subprocess

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import LINK, flag, of_type
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

FILLED = "Start for free"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Return the library of that name as one script for a page."""
    folder = tmp_path_factory.mktemp("pages")

    def bundle(name):
        path = folder / f"{name}.js"
        if not path.exists():
            command = [node(CLIENTS), "bundle.mjs", f"pages/{name}.mjs", str(path)]
            subprocess.run(command, cwd=CLIENTS, check=True)
        return path.read_text()

    return bundle


@pytest.fixture
def made_with(visit, service, site, bundles):
    """Open a page with a library's script in its head."""

    def open_page(name, body, *, head="", **options):
        site.pages[f"/{name}.js"] = [bundles(name)]
        service.flags = [flag()]
        return visit(body, head=f'{head}<script defer src="/{name}.js"></script>', **options)

    return open_page


def clicked_arms(page, service, link):
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    before = {event["id"] for event in of_type(service.events, "click")}
    link.click()
    page.evaluate("ctaopt.convert('end')")
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")
    clicks = {event["id"]: event for event in of_type(service.events, "click")}
    return [event["variant"] for name, event in clicks.items() if name not in before]


RENDERED = (
    '<main><p>Basket: 0</p><a data-cta-slot="hero-signup" href="/signup"><svg width="9"></svg> '
    '<!-- -->Sign up</a><button id="more">+</button></main>'
)


@pytest.mark.parametrize("content", ["", RENDERED], ids=["client", "hydrated"])
def test_react_renders_around_the_wording(made_with, service, content):
    page = made_with("react", f'<div id="root">{content}</div>')
    link = page.locator("a")
    page.wait_for_function("Boolean(window.change)")
    expect(link).to_have_text(FILLED)
    for _ in range(3):
        page.locator("#more").click()
    expect(page.locator("p")).to_have_text("Basket: 3")
    expect(link).to_have_text(FILLED)
    page.evaluate("change({text: \"S'inscrire\", href: '/inscription'})")
    page.wait_for_timeout(100)
    expect(link).to_have_text(FILLED)
    expect(link).to_have_attribute("href", "/start")
    page.evaluate("change({isAway: true})")
    expect(link).to_have_count(0)
    page.evaluate("change({isAway: false, key: 'other'})")
    expect(link).to_have_text(FILLED)
    assert link.locator("svg").count() == 1
    assert clicked_arms(page, service, link) == ["b"]


TURBO_HEAD = '<meta name="turbo-cache-control" content="">'


def test_turbo_shows_its_copies_filled_and_counted(made_with, service, site, visit):
    page = made_with("turbo", f'{LINK} <a id="on" href="/other">On</a>')
    link = page.locator("[data-cta-slot]")
    expect(link).to_have_text(FILLED)
    service.wait_for_events(1)
    head = site.pages["/"][0].partition("<body>")[0]
    site.pages["/other"] = [f"{head}<body><h1>Other</h1>{LINK}"]
    page.evaluate("window.isTheSame = true")
    page.locator("#on").click()
    expect(page.locator("h1")).to_have_text("Other")
    expect(link).to_have_text(FILLED)
    page.go_back()
    expect(page.locator("#on")).to_be_visible()
    expect(link).to_have_text(FILLED)
    assert page.evaluate("isTheSame") is True
    assert clicked_arms(page, service, link) == ["b"]
    page.evaluate("ctaopt.consent(false)")
    expect(link).to_have_text("Sign up")


SLIDES = "".join(
    f'<div class="swiper-slide">Slide {number} {LINK if number == 1 else ""}</div>'
    for number in range(1, 4)
)
SWIPER = (
    f'<div class="swiper" style="width: 300px"><div class="swiper-wrapper">{SLIDES}</div></div>'
)


def test_swiper_turns_its_slides(made_with, service):
    page = made_with("swiper", SWIPER)
    link = page.locator("a").first
    expect(link).to_have_text(FILLED)
    page.wait_for_function("window.swiper")
    for _ in range(7):
        page.evaluate("() => { swiper.slideNext(0) }")
    page.evaluate(
        """() => { const slide = document.querySelector('.swiper-slide:has(a)').cloneNode(true);
        slide.id = 'copy'; document.body.append(slide) }"""
    )
    copy = page.locator("#copy a")
    for one in (link, copy):
        expect(one).to_have_text(FILLED)
    assert clicked_arms(page, service, copy) == ["b"]


def test_htmx_swaps_and_restores(made_with, service, site):
    body = f"""<main id="main">{LINK}
        <button hx-get="/part" hx-target="#main" hx-push-url="/part">On</button></main>"""
    site.pages["/part"] = [f"<h1>Part</h1>{LINK}"]
    page = made_with("htmx", body)
    link = page.locator("a")
    expect(link).to_have_text(FILLED)
    page.wait_for_function("window.htmx")
    page.get_by_text("On").click()
    expect(page.locator("h1")).to_have_text("Part")
    expect(link).to_have_text(FILLED)
    page.go_back()
    expect(page.get_by_text("On")).to_be_visible()
    expect(link).to_have_text(FILLED)
    assert clicked_arms(page, service, link) == ["b"]


WORDPRESS = """<form action="/merci" method="get" class="wpcf7-form">
<p><label>Votre e-mail <span class="wpcf7-form-control-wrap"><input size="40" type="email"
name="your-email" value="jean"></span></label></p>
<p><input class="wpcf7-form-control wpcf7-submit" type="submit" name="wp-submit" value="Envoyer"
data-cta-slot="hero-signup"><span class="wpcf7-spinner"></span></p></form>
<script>document.forms[0].noValidate = true;
document.forms[0].addEventListener("submit", () => {
    document.querySelector("[type=submit]").value = "Envoi en cours..." })</script>"""


def test_form_of_wordpress_is_sent_as_before(made_with, service, site, visit):
    site.pages["/merci"] = ["<!doctype html><h1>Merci"]
    service.flags = [flag()]
    page = visit(WORDPRESS)
    control = page.locator("[type=submit]")
    expect(control).to_have_value(FILLED)
    service.wait_for_events(1)
    control.click()
    page.wait_for_url("**/merci?*")
    sent = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    assert sent["your-email"] == "jean"
    assert FILLED not in sent.values()
    assert len(of_type(service.wait_for_events(2), "click")) == 1
