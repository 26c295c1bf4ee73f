"""Pages that rewrite, clone, cache and move what the snippet has filled."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.snippet import LINK, flag, of_type, wait_until_counting

pytestmark = pytest.mark.slow

FILLED = "Start for free"


def settle(page, ms=150):
    page.evaluate(f"new Promise((done) => setTimeout(done, {ms}))")


def clicked_variants(page, service):
    """Return the arms of the clicks sent so far."""
    page.evaluate("ctaopt.convert('end')")
    service.wait_for_events(1)
    page.wait_for_function("JSON.parse(localStorage['ctaopt.outbox']).length === 0")
    clicks = {event["id"]: event["variant"] for event in of_type(service.events, "click")}
    return list(clicks.values())


def stay(page):
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")


@pytest.fixture
def filled(visit, service):
    service.flags = [flag()]
    page = visit(f"<main>{LINK}</main>")
    expect(page.locator("a")).to_have_text(FILLED)
    service.wait_for_events(1)
    stay(page)
    return page


REWRITES = {
    "same text": "a.textContent = 'Sign up'",
    "node of its own": "a.replaceChildren(new Text('Sign up'))",
    "data of the node": "a.firstChild.data = 'Sign up'",
    "another language": 'a.textContent = "S\'inscrire"',
    "link": "a.href = '/other'",
    "element": 'a.outerHTML = \'<a data-cta-slot="hero-signup" href="/signup">Sign up</a>\'',
    "body": "document.body.innerHTML = document.body.innerHTML",
}


@pytest.mark.parametrize("rewrite", REWRITES.values(), ids=REWRITES)
def test_wording_stays_when_the_page_writes_again(filled, service, rewrite):
    filled.evaluate(f"(() => {{ const a = document.querySelector('a'); {rewrite} }})()")
    settle(filled)
    expect(filled.locator("a")).to_have_text(FILLED)
    expect(filled.locator("a")).to_have_attribute("href", "/start")
    filled.locator("a").click()
    assert clicked_variants(filled, service) == ["b"]


LINKERS = {
    "when pressed": "onmousedown = () => (a.href = a.href + '?_gl=1*x')",
    "at once": "a.href += '?utm_source=mail'",
    "with a fragment": "a.href = '/start?from=hero#form'",
}


@pytest.mark.parametrize("script", LINKERS.values(), ids=LINKERS)
def test_link_that_analytics_decorate_keeps_that_and_counts(filled, service, script):
    filled.evaluate(f"() => {{ const a = document.querySelector('a'); {script} }}")
    filled.locator("a").click()
    settle(filled)
    href = filled.locator("a").get_attribute("href")
    assert "/start?" in href
    assert clicked_variants(filled, service) == ["b"]
    filled.evaluate("ctaopt.consent(false)")
    expect(filled.locator("a")).to_have_attribute("href", "/signup")


def test_text_of_the_page_comes_back_as_the_page_wrote_it_last(filled):
    filled.evaluate("document.querySelector('a').textContent = \"S'inscrire\"")
    settle(filled)
    expect(filled.locator("a")).to_have_text(FILLED)
    filled.evaluate("ctaopt.consent(false)")
    expect(filled.locator("a")).to_have_text("S'inscrire")
    expect(filled.locator("a")).to_have_attribute("href", "/signup")


def test_page_that_fights_for_its_text_wins_and_is_not_counted(filled, service):
    """Two that each answer the other's change must not go on for ever."""
    with filled.expect_console_message(lambda entry: entry.text.startswith("ctaopt: ")):
        filled.evaluate(
            """() => { const a = document.querySelector('a'); window.n = 0;
            new MutationObserver(() => { if (a.textContent !== 'Sign up')
                { n += 1; a.textContent = 'Sign up' } })
                .observe(a, {childList: true, characterData: true, subtree: true});
            a.textContent = 'Sign up' }"""
        )
    settle(filled)
    n_fights = filled.evaluate("n")
    settle(filled)
    assert filled.evaluate("n") == n_fights < 20
    expect(filled.locator("a")).to_have_text("Sign up")
    expect(filled.locator("a")).to_have_attribute("href", "/signup")
    filled.locator("a").click()
    assert clicked_variants(filled, service) == []


def test_answer_to_a_click_is_left_to_the_page(filled, service):
    filled.evaluate(
        """() => { const a = document.querySelector('a');
        a.onclick = () => { a.innerText = 'Added' } }"""
    )
    filled.locator("a").click()
    settle(filled)
    expect(filled.locator("a")).to_have_text("Added")
    filled.locator("a").click()
    assert clicked_variants(filled, service) == ["b"]
    filled.evaluate("document.querySelector('a').onclick = null")
    filled.evaluate("document.querySelector('a').textContent = 'Sign up'")
    expect(filled.locator("a")).to_have_text(FILLED)


@pytest.mark.parametrize("is_deep", [True, False], ids=["of its holder", "itself"])
def test_clone_counts_once(filled, service, is_deep):
    taken = "main" if is_deep else "a"
    filled.evaluate(
        f"""() => {{ const copy = document.querySelector('{taken}').cloneNode(true);
        copy.id = 'copy'; document.body.append(copy) }}"""
    )
    copy = filled.locator("#copy a, a#copy")
    expect(copy).to_have_text(FILLED)
    settle(filled)
    copy.click()
    assert clicked_variants(filled, service) == ["b"]
    filled.evaluate("ctaopt.consent(false)")
    for number in range(2):
        link = filled.locator("a").nth(number)
        expect(link).to_have_text("Sign up")
        expect(link).to_have_attribute("href", "/signup")
    assert filled.locator("[data-cta-variant], [data-cta-was]").count() == 0


def test_clone_of_what_is_hidden_does_not_stay_hidden(visit, service):
    service.flags = [flag()]
    service.gate.clear()
    page = visit(f"<main>{LINK}</main>")
    expect(page.locator("a")).to_have_css("visibility", "hidden")
    page.evaluate("document.body.append(document.querySelector('main').cloneNode(true))")
    settle(page)
    service.gate.set()
    for number in range(2):
        expect(page.locator("a").nth(number)).to_be_visible()
        expect(page.locator("a").nth(number)).to_have_text(FILLED)


def test_cached_body_is_filled_anew_and_counted(filled, service):
    filled.evaluate(
        """() => { const kept = document.body.cloneNode(true);
        const away = document.createElement('body'); away.innerHTML = '<h1>B</h1>';
        document.body = away; history.pushState(0, '', '/b');
        window.back = () => { history.pushState(0, '', '/'); document.body = kept } }"""
    )
    settle(filled)
    filled.evaluate("back()")
    expect(filled.locator("a")).to_have_text(FILLED)
    filled.locator("a").click()
    assert clicked_variants(filled, service) == ["b"]


def test_moved_element_stays_filled(filled, service):
    filled.evaluate("document.body.prepend(document.querySelector('a'))")
    settle(filled)
    expect(filled.locator("a")).to_have_text(FILLED)
    filled.evaluate("window.away = document.querySelector('a'); away.remove()")
    settle(filled)
    assert filled.evaluate("away.outerHTML").replace(' style=""', "") == LINK
    filled.evaluate("document.body.append(away)")
    expect(filled.locator("a")).to_have_text(FILLED)
    filled.locator("a").click()
    assert clicked_variants(filled, service) == ["b"]


def test_element_that_is_used_for_another_slot_shows_that(visit, service):
    service.flags = [flag(), flag("footer", "c", "foot-1", text="Join us", href="/join")]
    page = visit()
    expect(page.locator("a")).to_have_text(FILLED)
    service.wait_for_events(1)
    stay(page)
    page.evaluate("document.querySelector('a').dataset.ctaSlot = 'footer'")
    expect(page.locator("a")).to_have_text("Join us")
    page.locator("a").click()
    assert clicked_variants(page, service) == ["c"]
    page.evaluate("delete document.querySelector('a').dataset.ctaSlot")
    expect(page.locator("a")).to_have_text("Sign up")


def test_cta_of_the_server_that_the_page_rewrites_is_not_counted(visit, service):
    body = LINK.replace("<a", '<a data-cta-variant="c" data-cta-experiment="hero-1"')
    page = visit(body, 'data-visitor="v-7"')
    service.wait_for_events(1)
    stay(page)
    page.evaluate("document.querySelector('a').textContent = 'Other'")
    settle(page)
    expect(page.locator("a")).to_have_text("Other")
    page.locator("a").click()
    assert clicked_variants(page, service) == []
    page.evaluate("document.querySelector('a').textContent = 'Sign up'")
    page.locator("a").click()
    assert clicked_variants(page, service) == ["c"]


def test_change_of_the_language_asks_for_it(filled, service):
    service.flags = [flag(text="Commencer")]
    filled.evaluate(
        "document.documentElement.lang = 'de'; document.querySelector('a').textContent = 'Los'"
    )
    assert service.wait_for_evaluations(2)[1].context["locale"] == "de"
    expect(filled.locator("a")).to_have_text("Commencer")


MALICIOUS = """<a id="bad" data-cta-slot="hero-signup" href="#x"
    data-cta-was='{"href": ["javascript:alert(1)", "#x"], "onclick": ["alert(1)", null],
    "wording": ["<img src=x onerror=alert(1)>", "Sign up"]}'>Sign up</a>"""


@pytest.mark.parametrize("around", ["{}", "<svg>{}</svg>"], ids=["link", "link of a drawing"])
def test_marks_in_foreign_html_do_no_harm(visit, service, around):
    service.flags = []
    page = visit(around.format(MALICIOUS))
    page.wait_for_function("localStorage['ctaopt.flags']")
    expect(page.locator("[data-cta-was]")).to_have_count(0)
    assert page.evaluate("[bad.getAttribute('href'), bad.onclick, bad.children.length]") == [
        None,
        None,
        0,
    ]


@pytest.mark.parametrize("written", ["", "null", "{", "[]", "7", '{"href": 3}', '{"wording": []}'])
def test_marks_of_any_kind_are_taken_off(visit, service, written):
    service.flags = [flag()]
    page = visit(f"<a data-cta-slot='hero-signup' data-cta-was='{written}'>Sign up</a>")
    expect(page.locator("a")).to_have_text(FILLED)
    service.wait_for_events(1)


def test_back_to_a_kept_page_counts_no_visitor_who_withdrew(visit, service, site):
    service.flags = [flag()]
    site.pages["/other"] = ["<!doctype html><title>Other</title><p>Other"]
    page = visit()
    expect(page.locator("a")).to_have_text(FILLED)
    wait_until_counting(page, service)
    page.evaluate(
        """() => { localStorage.clear(); dispatchEvent(new PageTransitionEvent('pageshow',
        {persisted: true})) }"""
    )
    expect(page.locator("a")).to_have_text("Sign up")
    assert page.evaluate("ctaopt.visitor()") is None
