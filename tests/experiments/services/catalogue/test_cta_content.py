import pytest

from experiments.models import CTAWording
from experiments.services.catalogue.cta_content import cta_values, localised
from tests import factories
from tests.experiments.services.serving.visitors import evaluate, served

pytestmark = pytest.mark.on_both_databases


def test_cta_without_wording_is_empty(slot):
    CTAWording.objects.all().delete()
    assert served().slots["hero"].default_values == {}


def test_colours_that_nobody_can_read_are_left_to_the_page(site):
    cta = factories.make_cta(site, background_color="#777777", text_color="#888888")
    style = cta_values(cta)["en"]["style"]
    assert (style["background_color"], style["text_color"], style["size"]) == ("", "", "medium")


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("fr", "Oui"),
        ("fr-CA", "Oui, là"),
        ("fr-BE", "Oui"),
        ("de", "Yes"),
        ("", "Yes"),
        ("en-GB", "Yes"),
        ("FR", "Oui"),
        ("fr_fr", "Oui"),
        ("fr-ca", "Oui, là"),
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
