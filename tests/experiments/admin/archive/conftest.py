from datetime import timedelta

import pytest

from experiments.services.archive.keeping import keep_past_tests
from tests import factories
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW


@pytest.fixture
def archive(slot):
    """A won and an undecided experiment and an imported test of the shop; one of the rival."""
    site = slot.site
    finish(slot, "won", (1_000, 60), (1_000, 150), outcome="winner")
    other = factories.make_slot(site, "footer", position="footer")
    audience = factories.make_audience(site, "french")
    finish(other, "undecided", (1_000, 60), (1_000, 70), audience=audience)
    import_test(
        site,
        "newsletter",
        ("Réserver ma place", 1_000, 40),
        ("Plus que 3 places", 1_000, 90),
        locale="fr",
        ended_on=NOW.date() - timedelta(days=400),
    )
    rival = factories.make_site("rival")
    finish(factories.make_slot(rival), "secret", (1_000, 60), (1_000, 150), outcome="winner")
    keep_past_tests(now=NOW + timedelta(minutes=1))
    return site
