"""Which elements of a page can be a CTA, where they may be, and where they lead."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import AT_READY, flag, of_type, wait_until_counting

pytestmark = pytest.mark.slow

SLOT = 'data-cta-slot="hero-signup"'


def clicks_of(page, locator, service):
    """Click, and return the clicks that were sent."""
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    locator.click()
    page.evaluate("ctaopt.convert('end')")
    service.wait_for_events(1)
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")
    return {event["id"] for event in of_type(service.events, "click")}


@pytest.mark.parametrize("kind", ["submit", "button"])
def test_input_takes_the_wording_as_its_value(visit, service, kind):
    service.flags = [flag(style={"icon": "→"})]
    page = visit(f'<form><input type="{kind}" {SLOT} value="Envoyer"></form>')
    control = page.locator("input")
    expect(control).to_have_value("Start for free")
    assert len(clicks_of(page, control, service)) == 1
    page.evaluate("ctaopt.consent(false)")
    expect(control).to_have_value("Envoyer")


FILLED = {
    "svg beside text": '<a href="/x" {}><svg width="9" height="9"></svg> Sign up</a>',
    "image beside text": '<a href="/x" {}><img alt="" width="9" height="9"> Sign up </a>',
    "arrow beside text": '<a href="/x" {}>Sign up <span>→</span></a>',
    "icon font": '<button {}><span class="material-icons">cart</span><span>Buy</span></button>',
    "hidden from readers": '<a href="/x" {}><b aria-hidden="true">cart</b> Buy</a>',
    "nested text": '<a href="/x" {}><span><em>Sign up</em></span></a>',
    "comment": '<a href="/x" {}><!-- the icon --> Sign up</a>',
    "empty": "<a {}></a>",
    "holder of a button": "<div {}><p>Now:</p> <button>Sign up</button></div>",
    "holder of an input": '<form {}><input type="email"> <input type="submit" value="Go"></form>',
    "custom element": "<x-button {}>Sign up</x-button>",
    "role": '<div role="button" tabindex="0" {}>Sign up</div>',
}


@pytest.mark.parametrize("body", FILLED.values(), ids=FILLED)
def test_element_is_filled_and_keeps_what_is_beside_the_text(visit, service, body):
    service.flags = [flag()]
    page = visit(body.format(SLOT))
    kept = "[...document.body.querySelectorAll('svg,img,em,p,input[type=email]')].length"
    before = page.evaluate(kept)
    control = page.locator("[data-cta-variant]")
    expect(control).to_have_attribute("data-cta-variant", "b")
    shown = control.evaluate("(element) => element.value || element.innerText")
    assert shown.replace("→", "").replace("cart", "").strip() == "Start for free"
    assert page.evaluate(kept) == before
    wait_until_counting(page, service)
    assert len(clicks_of(page, control, service)) == 1
    page.evaluate("ctaopt.consent(false)")
    expect(page.locator("[data-cta-was]")).to_have_count(0)
    after = page.evaluate("document.querySelector('[data-cta-slot]').outerHTML")
    assert after.replace(' style=""', "") == body.format(SLOT)


UNTOUCHED = {
    "image": f'<img {SLOT} alt="Sign up" width="90" height="20">',
    "image as a button": f'<input type="image" {SLOT} alt="Sign up" width="90" height="20">',
    "text field": f'<input {SLOT} value="jean">',
    "icon only": f'<a href="/x" {SLOT}><svg width="20" height="20"></svg></a>',
    "picture link": f'<a href="/x" {SLOT}><img alt="Buy" width="20" height="20"></a>',
    "several texts": f'<a href="/x" {SLOT}>Basket <span class="badge">3</span></a>',
    "several controls": f'<div {SLOT}><a href="/x">More</a> <button>Buy</button></div>',
    "arrow only": f'<a href="/x" {SLOT}>→</a>',
    "closed root": f"<x-closed {SLOT}></x-closed>",
    "text area": f"<textarea {SLOT}>jean</textarea>",
    "progress": f"<progress {SLOT}>Sign up</progress>",
    "rule": f'<hr {SLOT} class="wide">',
    "player": f'<audio {SLOT} controls=""></audio>',
    "drawing": f'<canvas {SLOT} width="90" height="20">Sign up</canvas>',
    "reset": f'<form><input type="reset" {SLOT} value="Reset"></form>',
    "slot in it": f'<div {SLOT}><a href="/x" data-cta-slot="other">Buy</a></div>',
    "slot of a text in it": f'<div {SLOT}><span data-cta-slot="other">Buy</span></div>',
}
CLOSED = """<script>customElements.define("x-closed", class extends HTMLElement {
    constructor() { super(); this.attachShadow({mode: "closed"}).textContent = "Sign up" }})
</script>"""


@pytest.mark.parametrize("body", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_cannot_be_filled_is_left_alone_and_named_once(visit, service, browser_page, body):
    service.flags = [flag()]
    said = []
    browser_page.on("console", lambda entry: said.append(entry.text))
    page = visit(f"<main>{body}</main>", head=CLOSED)
    page.wait_for_function("localStorage['ctaopt.flags']")
    wait_until_counting(page, service)
    for _ in range(3):
        page.evaluate("new Promise((done) => { document.title += 'x'; setTimeout(done, 50) })")
    written = page.evaluate("document.querySelector('main').innerHTML")
    assert written == body
    assert clicks_of(page, page.locator(f"[{SLOT}]"), service) == set()
    assert of_type(service.events, "exposure") == []
    assert len([text for text in said if text.startswith("ctaopt: ")]) == 1


def test_place_in_a_picture_has_no_text(visit, service, browser_page):
    """A click on it would count for a wording that nobody can see."""
    service.flags = [flag()]
    area = f'<area {SLOT} shape="rect" coords="0,0,200,100" href="#there">'
    with browser_page.expect_console_message(lambda entry: "cannot be filled" in entry.text):
        page = visit(f'<map name="m">{area}</map><img usemap="#m" width="200" height="100" alt="">')
    assert page.locator("area").evaluate("(area) => area.outerHTML") == area
    assert clicks_of(page, page.locator("img"), service) == set()
    assert of_type(service.events, "exposure") == []


def test_slot_in_a_slot_is_filled_alone_and_the_page_comes_to_rest(visit, service):
    service.flags = [flag(), flag("other", "c", "other-1", text="Buy now")]
    page = wait_until_counting(
        visit(f'<div {SLOT}><a href="/x" data-cta-slot="other">Buy</a></div>'), service
    )
    expect(page.locator("a")).to_have_text("Buy now")
    (event,) = service.wait_for_events(1)
    assert (event["slot"], event["variant"]) == ("other", "c")
    n_changes = page.evaluate(
        """new Promise((done) => { let n = 0; new MutationObserver(() => n++).observe(document,
            {subtree: true, childList: true, attributes: true, characterData: true});
            document.title += "x"; setTimeout(() => done(n), 500) })"""
    )
    assert n_changes == 1
    expect(page.locator("a")).to_have_text("Buy now")


BOXLESS = {
    "text": f'<a href="/x" {SLOT} style="display: contents">Sign up</a>',
    "element": f'<a href="/x" {SLOT} style="display: contents"><span>Sign up</span></a>',
    "in another": f'<p style="display: contents"><a href="/x" {SLOT} style="display: contents">'
    "Sign up</a></p>",
}


@pytest.mark.parametrize("body", BOXLESS.values(), ids=BOXLESS)
def test_element_without_a_box_is_counted_by_its_text(visit, service, body):
    service.flags = [flag()]
    page = visit(f'<div style="height: 2000px"></div>{body}')
    expect(page.locator("a")).to_have_text("Start for free")
    page.evaluate("new Promise((done) => setTimeout(done, 900))")
    assert service.events == []
    page.evaluate("scrollTo(0, 9999)")
    assert of_type(service.wait_for_events(1), "exposure")


def test_form_sends_what_its_server_knows(visit, service, site):
    service.flags = [flag()]
    site.pages["/done"] = ["<!doctype html>Done"]
    page = visit(
        f'<form action="/done"><input name="mail" value="a"><input type="submit" name="act" {SLOT} '
        'value="subscribe"></form>'
    )
    expect(page.locator(f"[{SLOT}]")).to_have_value("Start for free")
    page.locator(f"[{SLOT}]").click()
    page.wait_for_url("**/done?mail=a&act=subscribe")
    assert len(of_type(service.wait_for_events(2), "click")) == 1


SHADOW = """<x-card></x-card><script>customElements.define("x-card", class extends HTMLElement {
    connectedCallback() {
        this.attachShadow({mode: "open"}).innerHTML =
            '<p><a data-cta-slot="hero-signup" href="/signup">Sign up</a></p>';
    }})</script>"""
TEMPLATE = f"""<template id="t"><p><a {SLOT} href="/signup">Sign up</a></p></template>
<script>document.body.append(t.content.cloneNode(true))</script>"""
DECLARED = f"""<div><template shadowrootmode="open"><a {SLOT} href="/signup">Sign up</a></template>
</div>"""


@pytest.mark.parametrize(
    "body", [SHADOW, TEMPLATE, DECLARED], ids=["open root", "template", "declared root"]
)
def test_slot_is_found_where_the_page_keeps_it(visit, service, body):
    service.flags = [flag()]
    page = visit(body)
    link = page.locator("a")
    expect(link).to_have_text("Start for free")
    service.wait_for_events(1)
    link.click()
    page.wait_for_url("**/start")
    assert len(of_type(service.wait_for_events(2), "click")) == 1


def test_slot_in_a_root_follows_what_the_page_does_there(visit, service):
    service.flags = [flag()]
    page = visit(SHADOW)
    expect(page.locator("a")).to_have_text("Start for free")
    page.locator("a").evaluate("(link) => { link.textContent = 'Sign up' }")
    expect(page.locator("a")).to_have_text("Start for free")


def test_root_that_comes_later_is_found(visit, service):
    service.flags = [flag()]
    page = visit("<p>Nothing yet</p>")
    page.evaluate(AT_READY)
    page.evaluate(
        """() => { const card = document.body.appendChild(document.createElement('div'));
        card.attachShadow({mode: 'open'}).innerHTML =
            '<a data-cta-slot="hero-signup" href="/signup">Sign up</a>' }"""
    )
    expect(page.locator("a")).to_have_text("Start for free")


LATE_ROOTS = {
    "defined later": (
        "<x-late></x-late>",
        """customElements.define("x-late", class extends HTMLElement { connectedCallback() {
        this.attachShadow({mode: "open"}).innerHTML = LINK }})""",
    ),
    "defined later, in another": (
        '<div><template shadowrootmode="open"><x-late></x-late></template></div>',
        """customElements.define("x-late", class extends HTMLElement { connectedCallback() {
        this.attachShadow({mode: "open"}).innerHTML = LINK }})""",
    ),
    "attached later": (
        '<div style="height: 2000px"></div><div id="host"></div>',
        'host.attachShadow({mode: "open"}).innerHTML = LINK',
    ),
}


@pytest.mark.parametrize(("body", "script"), LATE_ROOTS.values(), ids=LATE_ROOTS)
def test_root_of_an_element_that_is_there_is_found_when_it_comes(visit, service, body, script):
    service.flags = [flag()]
    page = wait_until_counting(visit(body), service)
    page.evaluate("new Promise((done) => setTimeout(done, 300))")
    page.evaluate(f"() => {{ const LINK = '<a {SLOT} href=\"/signup\">Sign up</a>'; {script} }}")
    expect(page.locator("a")).to_have_text("Start for free")
    page.locator("a").click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1


@pytest.mark.parametrize("place", ["above the root", "above the frame"])
def test_wall_over_a_root_or_a_frame_hides_what_is_in_it(visit, service, site, place):
    service.flags = [flag()]
    site.pages["/frame"] = [f'<!doctype html><a {SLOT} href="/signup">Sign up</a>']
    body = SHADOW if "root" in place else '<iframe src="/frame" width="400" height="900"></iframe>'
    wall = '<div id="wall" style="position: fixed; inset: 0; background: white"></div>'
    page = visit(body + wall)
    where = page if "root" in place else page.frame_locator("iframe")
    expect(where.locator("a")).to_have_text("Start for free")
    page.evaluate("new Promise((done) => setTimeout(done, 900))")
    assert service.events == []
    page.evaluate("wall.remove()")
    assert of_type(service.wait_for_events(1), "exposure")


def test_button_in_a_frame_leads_the_frame_away(visit, service, site):
    service.flags = [flag()]
    site.pages["/frame"] = [f"<!doctype html><button {SLOT}>Sign up</button>"]
    page = visit('<iframe src="/frame" width="400" height="100"></iframe>')
    page.frame_locator("iframe").get_by_text("Start for free").click()
    expect(page.frame_locator("iframe").locator("p")).to_have_text("Other page")
    assert page.evaluate("location.pathname") == "/"


def test_slot_in_a_frame_of_the_site_is_filled_and_counted(visit, service, site):
    service.flags = [flag()]
    site.pages["/frame"] = [f'<!doctype html><a {SLOT} href="/signup">Sign up</a>']
    page = visit('<iframe src="/frame" width="400" height="100"></iframe>')
    link = page.frame_locator("iframe").locator("a")
    expect(link).to_have_text("Start for free")
    assert len(service.wait_for_events(1)) == 1
    link.click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1


def test_closed_root_is_said_to_be_out_of_reach(visit, service, browser_page):
    with browser_page.expect_console_message(lambda entry: "closed shadow root" in entry.text):
        visit("<x-closed></x-closed>", head=CLOSED)


OWN = "/panier/ajouter/101?ref=fiche"


def test_link_without_a_destination_keeps_the_pages_own(visit, service, site):
    service.flags = [flag(href="")]
    site.pages["/panier/ajouter/101"] = ["<!doctype html>Basket"]
    page = visit(f'<a {SLOT} href="{OWN}">Commander</a>')
    link = page.locator("a")
    expect(link).to_have_text("Start for free")
    expect(link).to_have_attribute("href", OWN)
    wait_until_counting(page, service)
    link.click()
    page.wait_for_url(f"**{OWN}")
    assert len(of_type(service.wait_for_events(2), "click")) == 1


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("/start", "/start?utm_source=mail&sid=7#top"),
        ("/start?utm_source=own#there", "/start?utm_source=own&utm_source=mail&sid=7#there"),
        ("", "/signup?utm_source=mail&sid=7#top"),
    ],
    ids=["its own", "with a query", "the page's"],
)
def test_query_of_the_page_is_kept_on_request(visit, service, site, href, expected):
    service.flags = [flag(href=href)]
    path = "/?utm_source=mail&sid=7#top"
    page = visit(f'<a {SLOT} data-cta-keep href="/signup">Sign up</a>', path=path)
    expect(page.locator("a")).to_have_attribute("href", site.origin + expected)


NO_PAGES = ["#buy", "mailto:a@example.org", "tel:+33123456789", "javascript:void(0)", "https://[x"]


@pytest.mark.parametrize("own", NO_PAGES)
def test_link_that_leads_to_no_other_page_takes_no_query(visit, service, own):
    service.flags = [flag(href="")]
    path = "/?utm_source=mail&sid=7#top"
    page = visit(f'<a {SLOT} data-cta-keep href="{own}">Sign up</a><a {SLOT}>Go</a>', path=path)
    expect(page.locator("a")).to_have_text(["Start for free", "Start for free"])
    expect(page.locator("a").first).to_have_attribute("href", own)


BUTTON = f"<button {SLOT}>Sign up</button>"


@pytest.mark.parametrize("body", [BUTTON, f'<input type="button" {SLOT} value="Go">'])
@pytest.mark.parametrize(
    "how",
    [{"button": "middle"}, {"modifiers": ["Control"]}, {"modifiers": ["Shift"]}],
    ids=["middle", "control", "shift"],
)
def test_button_opens_a_new_page_as_a_link_does(visit, service, how, body):
    service.flags = [flag()]
    page = wait_until_counting(visit(body), service)
    expect(page.locator("[data-cta-variant]")).to_have_count(1)
    with page.context.expect_page() as other:
        page.locator("[data-cta-variant]").click(**how)
    other.value.wait_for_url("**/start")
    assert page.evaluate("location.pathname") == "/"
    assert len(of_type(service.wait_for_events(2), "click")) == 1


def test_button_leaves_to_a_page_that_handles_clicks_far_above(visit, service):
    service.flags = [flag()]
    page = wait_until_counting(visit(BUTTON), service)
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    page.get_by_text("Start for free").click()
    assert len(of_type(service.wait_for_events(2), "click")) == 1
    assert page.evaluate("location.pathname") == "/"
