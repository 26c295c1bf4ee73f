"""One visitor on all subdomains of a site: the cookie of the parent domain."""

from time import monotonic

import pytest

from tests.end_to_end.fake_service import PATIENCE_S
from tests.end_to_end.snippet import AT_READY, flag
from tests.end_to_end.test_snippet_privacy import DAY_MS, stored

pytestmark = pytest.mark.slow

COOKIE = "ctaopt_visitor"
SHARED = 'data-domain="shop.localhost"'
PAYS = '<script>(window.ctaopt ||= []).push(["convert", "buy", {value: 5}])</script>'


def id_from(days_ago: int) -> str:
    """An expression for an id of version 7 of that age."""
    born = f"(Date.now() - {days_ago} * {DAY_MS}).toString(16).padStart(12, '0')"
    return f"{born} + '7abc8' + '0'.repeat(15)"


@pytest.fixture
def on(visit, site):
    """Opens a page of a subdomain of shop.localhost."""
    origin = site.origin

    def open_page(subdomain, attributes=SHARED, **options):
        site.origin = origin.replace("127.0.0.1", f"{subdomain}shop.localhost")
        return visit(attributes=attributes, **options)

    return open_page


def cookies(page):
    return {one["name"]: one for one in page.context.cookies()}


def lasting_cookie(page):
    """Wait for the cookie that the second file sets; return it."""
    deadline = monotonic() + PATIENCE_S
    while monotonic() < deadline:
        cookie = cookies(page).get(COOKIE, {"expires": 0})
        if cookie["expires"] > page.evaluate("Date.now()") / 1000 + 14 * 86_400:
            return cookie
        page.wait_for_timeout(20)
    raise AssertionError(cookies(page))


@pytest.mark.parametrize("domain", ["shop.localhost", ".shop.localhost"])
@pytest.mark.parametrize(("seen", "bought"), [("www.", "pay."), ("", "pay."), ("a.b.", "")])
def test_visitor_is_one_on_all_subdomains(on, service, domain, seen, bought):
    service.flags = [flag()]
    attributes = f'data-domain="{domain}"'
    page = on(seen, attributes)
    (exposure,) = service.wait_for_events(1)
    on(bought, attributes, body=PAYS, page=page)
    *_, conversion = service.wait_for_events(2)
    assert (exposure["type"], conversion["type"]) == ("exposure", "conversion")
    assert exposure["visitor"] == conversion["visitor"]


def test_without_the_attribute_each_subdomain_has_a_visitor_and_no_cookie(on, service):
    page = on("www.", "")
    service.wait_for_evaluations(1)  # leaving a page takes back the question that is under way
    on("pay.", "", page=page)
    first, second = (one.context["targetingKey"] for one in service.wait_for_evaluations(2))
    assert first != second
    assert page.context.cookies() == []


def test_cookie_ends_13_months_after_the_first_visit_on_any_subdomain(on, service):
    page = on("www.", 'data-consent="off"')
    page.evaluate(f"document.cookie = '{COOKIE}=' + {id_from(100)} + ';domain=shop.localhost'")
    page = on("pay.", page=page)
    service.wait_for_evaluations(1)
    cookie = lasting_cookie(page)
    now_s = page.evaluate("Date.now()") / 1000
    assert (cookie["expires"] - now_s) / 86_400 == pytest.approx(393 - 100, abs=0.1)
    assert (cookie["domain"], cookie["path"]) == (".shop.localhost", "/")
    assert (cookie["sameSite"], cookie["httpOnly"]) == ("Lax", False)


def test_visit_renews_a_cookie_that_the_browser_ends_sooner(on, service):
    """Safari ends a script's cookie after seven days: each visit writes it anew."""
    page = on("www.")
    identity = service.wait_for_evaluations(1)[0].context["targetingKey"]
    week = f"';domain=shop.localhost;path=/;max-age={7 * 86_400}'"
    page.evaluate(f"document.cookie = '{COOKIE}={identity}' + {week}")
    page.reload()
    service.wait_for_evaluations(2)
    assert lasting_cookie(page)["expires"] > page.evaluate("Date.now()") / 1000 + 390 * 86_400


def test_id_that_only_looks_like_one_with_a_time_is_kept(on, service):
    """Random digits of a server may have a 7 at its place; their time is to come."""
    page = on("www.", 'data-consent="off"')
    identity = "f" * 12 + "7" + "f" * 19
    page.evaluate(f"document.cookie = '{COOKIE}={identity};domain=shop.localhost;path=/'")
    for n_visits in (1, 2):
        on("www.", page=page)
        service.wait_for_evaluations(n_visits)
    for evaluation in service.evaluations:
        assert evaluation.context["targetingKey"] == identity
    assert page.evaluate("Math.abs(Date.now() - localStorage['ctaopt.since'])") < DAY_MS


def test_cookie_of_another_name_is_no_id(on, service):
    page = on("www.", 'data-consent="off"')
    page.evaluate(f"document.cookie = 'my_{COOKIE}=not-ours;path=/'")
    on("www.", page=page)
    assert service.wait_for_evaluations(1)[0].context["targetingKey"] != "not-ours"


@pytest.mark.parametrize("mode", ["delayed", "cookieless", "necessary", "off"])
def test_other_modes_set_no_cookie_and_remove_it_everywhere(on, service, mode):
    page = on("www.", f'{SHARED} data-consent="{mode}"')
    page.evaluate(AT_READY)
    assert page.context.cookies() == []
    page.evaluate("ctaopt.consent(true)")
    page.wait_for_function("document.cookie.includes('ctaopt_visitor=')")
    page.evaluate(f"ctaopt.consent('{mode}')")
    assert (page.context.cookies(), stored(page)) == ([], [])


def test_privacy_signal_leaves_no_cookie(on, service, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    on("www.", page=page)
    page.evaluate(AT_READY)
    assert context.cookies() == []
    context.close()


@pytest.mark.parametrize("domain", ["other.localhost", "localhost", "example.com"])
def test_refused_domain_is_named_and_the_subdomain_goes_on_alone(on, service, browser_page, domain):
    said = []
    browser_page.on("console", lambda message: said.append(message.text))
    with browser_page.expect_console_message(lambda message: "no cookie" in message.text):
        page = on("www.", f'data-domain="{domain}"')
    (evaluation,) = service.wait_for_evaluations(1)
    assert evaluation.context["targetingKey"] == page.evaluate("ctaopt.visitor()")
    assert [text for text in said if "ctaopt" in text] == [f"ctaopt: no cookie for {domain}"]


def test_log_in_on_another_subdomain_keeps_the_arm(on, service):
    page = on("www.")
    before = service.wait_for_evaluations(1)[0].context["targetingKey"]
    lasting_cookie(page)
    on("account.", f'{SHARED} data-visitor="customer-7"', page=page)
    context = service.wait_for_evaluations(2)[1].context
    assert (context["targetingKey"], context["anonymousId"]) == ("customer-7", before)


def test_id_of_the_server_outlives_what_scripts_have_stored(on, service, site):
    """Safari removes a script's storage after seven days without a visit, a server's cookie not."""
    page = on("www.", 'data-consent="off"')
    identity = page.evaluate(id_from(0))
    page.context.add_cookies(
        [{"name": COOKIE, "value": identity, "domain": ".shop.localhost", "path": "/"}]
    )
    for subdomain in ("www.", "pay.", "www."):
        on(subdomain, "", page=page)
        page.wait_for_function("localStorage['ctaopt.flags']")
        page.evaluate("localStorage.clear()")
    contexts = [one.context for one in service.wait_for_evaluations(3)]
    assert {context["targetingKey"] for context in contexts} == {identity}
