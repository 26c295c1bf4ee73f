import pytest

from experiments.api.public.ofrep import PREFIX
from experiments.api.public.page_context import MAX_PARAMETERS, with_page
from tests import factories

pytestmark = pytest.mark.on_both_databases


def test_address_gives_path_campaign_and_preview():
    url = "https://shop.example/a%20b?utm_source=mail&q=1&utm_term=x&ctaopt_preview=p.1#top"
    found = with_page({"url": url})
    assert found == {
        "url": url,
        "path": "/a%20b",
        "utm_source": "mail",
        "utm_term": "x",
        "preview": "p.1",
    }


def test_what_the_client_says_is_left_as_it_is():
    given = {"url": "https://shop.example/a?utm_source=mail", "path": "/b", "utm_source": "own"}
    assert with_page(given) == given


TOO_MANY = "https://x/?" + "&".join(["a=1"] * (MAX_PARAMETERS + 1))


@pytest.mark.parametrize("url", [None, 7, "", "https://[", TOO_MANY])
def test_address_that_is_none_says_nothing(url):
    assert with_page({"url": url}) == {"url": url}


def test_audience_of_a_page_is_met_by_the_address_alone(browser, slot):
    audience = factories.make_audience(slot.site, condition={"path": "/pricing"})
    factories.make_running_experiment(slot, audience=audience)
    visit = {"targetingKey": "v-1", "url": "https://shop.example/pricing?x=1"}
    assert browser.post(f"{PREFIX}/hero", {"context": visit}).json()["reason"] == "SPLIT"
