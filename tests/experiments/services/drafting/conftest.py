import pytest

from experiments.services.drafting.building import Choices
from tests import factories


@pytest.fixture
def bilingual(site):
    cta = factories.make_cta(site, "Sign up", wordings={"en": "Sign up", "fr": "S\u2019inscrire"})
    return factories.make_slot(site, default_cta=cta)


@pytest.fixture
def choices(bilingual):
    texts = ({"en": "Start now", "fr": "Commencer"}, {"en": "Try it", "fr": "Essayer"})
    return Choices(slot=bilingual, wordings=texts)
