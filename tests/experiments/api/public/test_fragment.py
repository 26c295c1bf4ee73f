import re
from urllib.parse import urlencode

import pytest

from experiments.api.public.router import Edge
from experiments.models import CTAWording
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient

pytestmark = pytest.mark.on_both_databases

KEY = {"key": "shop-client-key"}


@pytest.fixture
def get(browser):
    """Ask for a fragment without a header of its own, as an include does."""

    def get(slot="hero", headers=None, environ=None, **query):
        client = WSGIClient(browser.app)
        query = urlencode(KEY | query)
        return client.get(f"/fragment/{slot}", query=query, headers=headers, environ=environ)

    return get


def test_fragment_is_a_link_that_the_snippet_counts(get, running_experiment):
    answer = get(visitor="v-1")
    html = answer.body.decode()
    arm = re.search(r'data-cta-variant="(control|b)"', html)[1]
    assert answer.status == 200
    assert html == (
        f'<a data-cta-slot="hero" data-cta-variant="{arm}" data-cta-experiment="hero-test" '
        'data-cta-phase="0" data-cta-form="button" data-cta-size="medium" lang="en" dir="ltr" '
        'style="background-color: #1d4ed8; color: #ffffff" href="/go">'
        f"hero-test {arm}</a>"
    )


def test_fragment_is_the_arm_that_the_interface_gives(get, browser, running_experiment):
    for number in range(20):
        visitor = f"visitor {number} é"
        context = {"targetingKey": visitor}
        flag = browser.post("/ofrep/v1/evaluate/flags/hero", {"context": context}).json()
        assert f'data-cta-variant="{flag["variant"]}"' in get(visitor=visitor).body.decode()


@pytest.mark.parametrize("query", [{"visitor": "v-1"}, {}])
def test_fragment_is_never_a_caches(get, running_experiment, query):
    headers = get(**query).headers
    assert headers["cache-control"] == "private, no-store"
    assert headers["vary"] == "Cookie, Sec-GPC, DNT"
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_nobody_gets_what_everybody_gets(get, running_experiment):
    answer = get()
    assert b'data-cta-variant="default"' in answer.body
    assert b"data-cta-experiment" not in answer.body
    assert "set-cookie" not in answer.headers


def test_new_visitor_gets_a_cookie_where_consent_allows(get, running_experiment):
    answer = get(consent="granted")
    visitor = re.fullmatch(
        r"ctaopt_visitor=([0-9a-f]{32}); Path=/; Max-Age=15552000; SameSite=Lax",
        answer.headers["set-cookie"],
    )[1]
    assert answer.body == get(visitor=visitor).body


def test_cookie_is_secure_where_the_page_is(get, running_experiment):
    answer = get(consent="granted", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["set-cookie"].endswith("; Secure")


def test_known_visitor_keeps_the_cookie(get, running_experiment):
    answer = get(consent="granted", headers={"Cookie": "a=b; ctaopt_visitor=v-3"})
    assert "set-cookie" not in answer.headers
    assert answer.body == get(visitor="v-3").body


@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_privacy_signal_is_honoured(get, running_experiment, header):
    answer = get(consent="granted", headers={header: "1", "Cookie": "ctaopt_visitor=v-3"})
    assert b'data-cta-variant="default"' in answer.body
    assert "set-cookie" not in answer.headers


def test_cookie_alone_is_no_consent(get, running_experiment):
    answer = get(headers={"Cookie": "ctaopt_visitor=v-3"})
    assert b'data-cta-variant="default"' in answer.body


def test_everything_is_escaped(get, slot):
    text = '</a><script>alert("1")</script>'
    CTAWording.objects.update(text=text)
    slot.default_cta.icon = "<b>"
    slot.default_cta.save()
    bump_revision()
    html = get(**{"class": '"><img src=x>'}).body.decode()
    assert "<script" not in html
    assert "<img" not in html
    assert 'class="&quot;&gt;&lt;img src=x&gt;"' in html
    assert '<span aria-hidden="true">&lt;b&gt; </span>&lt;/a&gt;&lt;script&gt;' in html


def test_page_can_ask_for_a_button_without_inline_style(get, slot):
    html = get(tag="button", style="none").body.decode()
    assert html.startswith('<button data-cta-slot="hero"')
    assert "style" not in html
    assert "href" not in html


def test_locale_picks_the_wording(get, site):
    cta = factories.make_cta(site, wordings={"en": "Go", "ar": "ابدأ"})
    factories.make_slot(site, "hero", default_cta=cta)
    html = get(locale="ar-EG").body.decode()
    assert 'lang="ar" dir="rtl"' in html
    assert ">ابدأ</a>" in html


def test_audience_of_a_page_is_met_by_the_address(get, slot):
    audience = factories.make_audience(slot.site, condition={"path": "/pricing"})
    factories.make_running_experiment(slot, audience=audience)
    url = "https://shop.example/pricing?x=1"
    assert b"data-cta-experiment" in get(visitor="v-1", url=url).body
    assert b"data-cta-experiment" not in get(visitor="v-1", url="https://shop.example/").body


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        (
            {"slot": "a--><b>"},
            404,
            b"<!-- ctaopt: unknown slot &#x27;a--&gt;&lt;b&gt;&#x27; -->",
        ),
        ({"key": "no-such-key"}, 401, b"<!-- ctaopt: 401 -->"),
        ({"key": "rival-client-key"}, 404, b"<!-- ctaopt: unknown slot &#x27;hero&#x27; -->"),
        ({"visitor": "v" * 201}, 400, b"<!-- ctaopt: visitor: at most 200 characters"),
        ({"visitor": "v\0"}, 400, b"<!-- ctaopt: visitor: at most 200 characters"),
        ({"tag": "script"}, 400, b"<!-- ctaopt: tag: one of a, button, span -->"),
        ({f"p{n}": n for n in range(101)}, 400, b"<!-- ctaopt: too many parameters -->"),
    ],
    ids=["slot", "key", "other site", "long visitor", "control character", "tag", "parameters"],
)
def test_refusal_shows_nothing_on_the_page(get, slot, other_site, query, status, body):
    answer = get(**query)
    assert answer.status == status
    assert answer.body.startswith(body)
    assert answer.headers["cache-control"] == "private, no-store"


def test_cta_without_wording_is_not_there(get, slot):
    CTAWording.objects.all().delete()
    bump_revision()
    assert get().status == 404


def test_page_of_another_origin_is_refused(get, slot):
    slot.site.allowed_origins = ["https://shop.example"]
    slot.site.save()
    bump_revision()
    assert get(headers={"Origin": "https://evil.example"}).status == 403
    assert get(headers={"Origin": "https://shop.example"}).status == 200


def test_only_reading_is_allowed(browser, slot):
    assert browser.post("/fragment/hero").status == 405


def test_fragment_asks_no_database(running_experiment, django_assert_num_queries):
    client = WSGIClient(Edge(django_app, SnapshotStore(max_age_s=3600.0)), key="shop-client-key")
    client.get("/fragment/hero", query="visitor=v-1")
    with django_assert_num_queries(0):
        assert client.get("/fragment/hero", query="visitor=v-2").status == 200


@pytest.mark.parametrize(
    ("visitor", "reason"),
    [("[object Object]", "is a placeholder"), ("jean@example.fr", "looks like an e-mail address")],
)
def test_id_that_names_everybody_or_a_person_is_refused_by_name(get, slot, visitor, reason):
    answer = get(visitor=visitor)
    assert answer.status == 400
    assert reason in answer.body.decode()
    assert visitor not in answer.body.decode()


def test_cookie_that_names_nobody_is_replaced(get, running_experiment):
    answer = get(consent="granted", headers={"cookie": "ctaopt_visitor=undefined"})
    assert re.match(r"ctaopt_visitor=[0-9a-f]{32};", answer.headers["set-cookie"])
