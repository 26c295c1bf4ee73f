import pytest

from experiments.models import CTAWording
from experiments.services.catalogue.cta_content import cta_values, localised
from experiments.services.serving import snapshot_store as module
from experiments.services.serving.evaluation import (
    evaluate_slot,
)
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture(autouse=True)
def connection_of_the_test(monkeypatch):
    """The store tidies up after itself; the connection with this test's transaction stays."""
    monkeypatch.setattr(module, "close_old_connections", lambda: None)


def built():
    return build_snapshot(revision=1, now=NOW)


def test_cta_without_wording_is_empty(slot):
    CTAWording.objects.all().delete()
    assert built().client_keys["shop-client-key"].slots["hero"].default_values == {}


def test_colours_that_nobody_can_read_are_left_to_the_page(site):
    cta = factories.make_cta(site, background_color="#777777", text_color="#888888")
    style = cta_values(cta)["en"]["style"]
    assert (style["background_color"], style["text_color"], style["size"]) == ("", "", "medium")


def served(key="shop-client-key"):
    return build_snapshot(revision=1, now=NOW).client_keys[key]


def evaluate(site, visitor="v-1", slot="hero", **attributes):
    return evaluate_slot(site, slot, visitor=visitor, attributes=attributes)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("fr", "Oui"),
        ("fr-CA", "Oui, là"),
        ("fr-BE", "Oui"),
        ("de", "Yes"),
        ("", "Yes"),
        ("en-GB", "Yes"),
        (None, "Yes"),
        (["fr"], "Yes"),
    ],
)
def test_wording_is_in_the_visitors_language_or_the_sites(site, wanted, text):
    wordings = {"fr": "Oui", "fr-CA": "Oui, là", "en": "Yes"}
    cta = factories.make_cta(site, "Yes", wordings=wordings)
    factories.make_slot(site, default_cta=cta)
    assert evaluate(served(), locale=wanted).value["text"] == text


def test_any_wording_is_better_than_none():
    assert localised({"it": {"text": "Si"}}, "fr", "en-GB") == {"text": "Si"}
    assert localised({}, "fr", "en") == {}
