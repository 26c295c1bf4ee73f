"""The template tags in pages of a site, with the service played by a function."""

import re

import pytest
from django.http import HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory

from ctaopt_django.middleware import CtaoptMiddleware
from tests.end_to_end.snippet import flag

HERO = (
    '{% load ctaopt %}{% cta "hero-signup" href="/signup" class="big" %}Sign <b>up</b>{% endcta %}'
)
SCRIPT = "{% load ctaopt %}{% cta_script %}"
DEFAULT = '<a href="/signup" class="big" data-cta-slot="hero-signup">Sign <b>up</b></a>'
FILLED = (
    '<a href="/start" class="big" data-cta-slot="hero-signup" data-cta-variant="b" '
    'data-cta-experiment="hero-1" data-cta-phase="2" data-cta-form="link">Start for free</a>'
)
questions = []
answers = []


def evaluate(**question):
    """Play the service: remember the question, give the answers."""
    questions.append(question)
    return answers


def consent_of(request):
    return request.GET.get("consent", "granted")


def visitor_of(request):
    return request.GET.get("me")


@pytest.fixture(autouse=True)
def _played(settings):
    questions.clear()
    answers[:] = [flag()]
    settings.CTAOPT_DJANGO = {
        "URL": "https://cta.example.org",
        "KEY": "k-1",
        "EVALUATE": f"{__name__}.evaluate",
        "CONSENT": f"{__name__}.consent_of",
        "VISITOR": f"{__name__}.visitor_of",
    }


def respond(source=HERO, query="", cookies=None, **headers):
    """The response to a visit of a page with this template."""
    request = RequestFactory().get(f"/landing?utm_source=x&{query}", headers=headers)
    request.COOKIES = cookies or {}

    def view(request):
        return HttpResponse(Template(source).render(Context({"request": request})))

    return CtaoptMiddleware(view)(request)


def html(*given, **options):
    return respond(*given, **options).content.decode()


def test_slot_is_filled():
    assert html(cookies={"ctaopt_visitor": "v-1"}) == FILLED
    (question,) = questions
    context = question["context"]
    assert (question["key"], context["targetingKey"], context["locale"]) == ("k-1", "v-1", "en")
    assert context["url"] == "http://testserver/landing?utm_source=x&"


@pytest.mark.parametrize(
    "answer",
    [[], [{"key": "hero-signup", "errorCode": "GENERAL"}], [flag(text="")]],
    ids=["none", "an error", "no text"],
)
def test_default_stays_when_the_slot_has_no_answer(answer):
    answers[:] = answer
    assert html() == DEFAULT


def test_receipt_is_there_for_the_snippet():
    answers[0]["metadata"]["receipt"] = "R-1"
    page = html(cookies={"ctaopt_visitor": "v-1"})
    assert 'data-cta-phase="2" data-cta-receipt="R-1" data-cta-form' in page
    answers[0]["metadata"]["preview"] = True
    assert "R-1" not in html(cookies={"ctaopt_visitor": "v-1"})


def test_service_is_asked_once_a_page():
    answers.append(flag("footer", text="Join us"))
    assert "Join us</a>" in html(HERO + '{% cta "footer" %}Join{% endcta %}')
    assert len(questions) == 1


def test_new_visitor_gets_a_cookie_that_scripts_can_read():
    cookie = respond().cookies["ctaopt_visitor"]
    assert re.fullmatch("[0-9a-f]{32}", cookie.value)
    assert cookie.value == questions[0]["context"]["targetingKey"]
    assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("Lax", "", "/")
    assert "ctaopt_visitor" not in respond(cookies={"ctaopt_visitor": cookie.value}).cookies


def test_cookie_may_be_for_all_subdomains_and_the_snippet_is_told(settings):
    settings.CTAOPT_DJANGO = {**settings.CTAOPT_DJANGO, "COOKIE_DOMAIN": "shop.example"}
    response = respond(HERO + SCRIPT)
    assert response.cookies["ctaopt_visitor"]["domain"] == "shop.example"
    assert 'data-domain="shop.example"' in response.content.decode()


def test_forged_cookie_is_replaced():
    assert respond(cookies={"ctaopt_visitor": "a b<"}).cookies["ctaopt_visitor"].value != "a b<"


def test_page_with_a_chosen_cta_is_not_kept_by_shared_caches():
    response = respond()
    assert response["Cache-Control"] == "private, no-store"
    assert response["Vary"] == "Cookie"


def test_page_without_a_cta_is_left_alone():
    response = respond(SCRIPT)
    assert "Cache-Control" not in response
    assert "ctaopt_visitor" not in response.cookies
    assert questions == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-GPC": "1"}, {"DNT": "1"}, {"User-Agent": "Googlebot/2.1"}],
    ids=["GPC", "DNT", "bot"],
)
def test_who_objects_gets_the_default_and_no_cookie(headers):
    response = respond(**headers)
    assert response.content.decode() == DEFAULT
    assert ("ctaopt_visitor" in response.cookies, questions) == (False, [])


@pytest.mark.parametrize("mode", ["off", "delayed", "required"])
def test_without_consent_the_default_stays(mode):
    response = respond(query=f"consent={mode}", cookies={"ctaopt_visitor": "v-1"})
    assert response.content.decode() == DEFAULT
    assert ("ctaopt_visitor" in response.cookies, questions) == (False, [])
    assert f'data-consent="{mode}"' in html(SCRIPT, query=f"consent={mode}")


def test_cookieless_visit_is_told_to_the_snippet_alone():
    response = respond(HERO + SCRIPT, query="consent=cookieless")
    visitor = questions[0]["context"]["targetingKey"]
    assert f'data-visitor="{visitor}" data-consent="cookieless"' in response.content.decode()
    assert "ctaopt_visitor" not in response.cookies


def test_strictly_necessary_asks_for_nobody():
    answers[:] = [flag(variant="default", experiment=None)]
    page = html(query="consent=necessary", cookies={"ctaopt_visitor": "v-1"}, DNT="1")
    assert 'data-cta-variant="default"' in page
    assert "data-cta-experiment" not in page
    (question,) = questions
    assert question["context"] == {"targetingKey": "-", "locale": "en", "measured": False}


def test_site_can_name_the_visitor():
    response = respond(HERO + SCRIPT, query="me=customer-7", cookies={"ctaopt_visitor": "v-1"})
    context = questions[0]["context"]
    assert (context["targetingKey"], context["anonymousId"]) == ("customer-7", "v-1")
    assert 'data-visitor="customer-7"' in response.content.decode()
    assert "ctaopt_visitor" not in response.cookies


def test_previewed_arm_is_not_counted():
    answers[0]["metadata"]["preview"] = True
    assert "data-cta-experiment" not in html()


def test_everything_is_escaped():
    answers[:] = [flag(text="<script>", href='/"onclick="x', style={"icon": "<i>"})]
    page = html()
    assert "<script" not in page
    assert "<i>" not in page
    assert 'href="/&quot;onclick=&quot;x"' in page


NOWHERE = ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example", "", None]


@pytest.mark.parametrize("href", NOWHERE)
def test_unsafe_destination_is_not_used(href):
    answers[:] = [flag(href=href)]
    assert 'href="/signup"' in html()


STYLE = {"background_color": "#102030", "text_color": "#ffeedd", "size": "large", "icon": "→"}


def test_look_is_written():
    answers[:] = [flag(style=STYLE, locale="ar", dir="rtl")]
    page = html(HERO.replace("class", 'style="margin: 0;" class'))
    look = "margin: 0; background-color: #102030; color: #ffeedd; font-size: 1.25em"
    assert f'style="{look}"' in page
    assert 'data-cta-size="large" lang="ar" dir="rtl"' in page
    assert '<span aria-hidden="true">→ </span>Start for free</a>' in page


def test_strict_policy_can_do_without_inline_style():
    answers[:] = [flag(style=STYLE)]
    assert "style=" not in html(HERO.replace("class", 'style="none" class'))


def test_button_with_attributes_of_its_own():
    source = HERO.replace("class", 'tag="button" data_track="x" aria_label=label class')
    page = html("{% with label='Go' %}" + source + "{% endwith %}")
    assert page.startswith("<button ")
    assert 'data-track="x" aria-label="Go"' in page


def test_script_can_be_pinned():
    page = html('{% load ctaopt %}{% cta_script "/cta-0.2.0.js" integrity="sha384-x" %}')
    assert page == (
        '<script async src="https://cta.example.org/cta-0.2.0.js" data-key="k-1" '
        'crossorigin="anonymous" integrity="sha384-x"></script>'
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% cta %}x{% endcta %}", "name the slot"),
        ("{% cta 'hero' big %}x{% endcta %}", "name=value"),
        ("{% cta 'hero' data-x='1' %}x{% endcta %}", "name=value"),
    ],
)
def test_tag_says_how_to_write_it(source, message):
    with pytest.raises(TemplateSyntaxError, match=message):
        Template("{% load ctaopt %}" + source)


def test_tag_says_that_it_needs_the_request():
    with pytest.raises(TemplateSyntaxError, match=r"context_processors\.request"):
        Template(HERO).render(Context())
