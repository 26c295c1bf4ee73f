"""The condition of an audience in a real browser: values chosen from lists, a visitor tried."""

import pytest
from django.utils import translation

from experiments.admin.editing.condition_field import ConditionWidget
from tests.end_to_end.fake_service import FakeSite

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>{style}</style><body><form>{widget}</form>
<script>window.sent = [];
window.fetch = async (_, {{ body }}) => {{
  sent.push(Object.fromEntries(body));
  return {{ ok: true, json: async () => ({{ is_in: true, text: "In", reach: "2 of 3" }}) }};
}};
{script}</script></body>"""
COUNTRY = "[data-row]:nth-child(2)"


@pytest.fixture(params=["en", "fr"])
def audience_page(browser_page, pytestconfig, request):
    static = pytestconfig.rootpath / "experiments" / "static" / "experiments"
    stored = {"device": "mobile", "country": {"$in": ["FR", "BE"]}}
    with translation.override(request.param):
        widget = ConditionWidget().render("condition", stored)
    page = PAGE.format(
        widget=widget,
        style=(static / "pages.css").read_text(),
        script=(static / "audience.js").read_text(),
    )
    site = FakeSite(pages={"/": [page]})
    browser_page.goto(site.origin)
    yield browser_page
    site.stop()


def chosen(page, row):
    lists = "[...document.querySelector(place).querySelector('[data-list]').selectedOptions]"
    return page.evaluate(f"(place) => {lists}.map((one) => one.value)", row)


def values(page):
    return [one.input_value() for one in page.query_selector_all("input[name=condition_value]")]


def test_stored_values_are_chosen_in_their_lists(audience_page):
    assert chosen(audience_page, "[data-row]") == ["mobile"]
    assert set(chosen(audience_page, COUNTRY)) == {"FR", "BE"}
    assert not audience_page.is_visible("input[name=condition_value]")


def test_what_is_chosen_is_what_the_form_sends(audience_page):
    audience_page.select_option("[data-row] [data-list]", "tablet")
    audience_page.select_option(f"{COUNTRY} [data-list]", ["DE", "CH"])
    device, countries, *_ = values(audience_page)
    assert (device, set(countries.split(", "))) == ("tablet", {"CH", "DE"})


def test_another_attribute_has_other_values(audience_page):
    audience_page.select_option("[data-row] select[name=condition_attribute]", "new_visitor")
    assert values(audience_page)[0] == ""
    audience_page.select_option("[data-row] [data-list]", "false")
    assert values(audience_page)[0] == "false"
    audience_page.select_option("[data-row] select[name=condition_attribute]", "path")
    assert audience_page.is_visible("[data-row] input[name=condition_value]")


def test_visitor_of_the_form_is_tried(audience_page):
    audience_page.select_option("[data-try=country] + select", "FR")
    audience_page.wait_for_function("sent.at(-1)?.condition_try_country === 'FR'")
    assert audience_page.evaluate("sent.at(-1).condition_try_device") == "mobile"
    audience_page.wait_for_function(
        "document.querySelector('[data-reach]').textContent === '2 of 3'"
    )


def test_form_fits_a_phone(audience_page):
    audience_page.set_viewport_size({"width": 390, "height": 800})
    root = "document.documentElement"
    assert audience_page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
