from datetime import timedelta

import pytest
from django.utils import translation

from experiments.models import Burst
from experiments.services.reporting.burst_messages import burst_in_words
from tests.factories import NOW


def burst(**changes):
    values = {
        "day": NOW.date(),
        "first_at": NOW,
        "last_at": NOW + timedelta(seconds=170),
        "n_senders": 2,
        "visitors": 6_100,
        "all_visitors": 10_000,
    }
    return Burst(**(values | changes))


@pytest.mark.parametrize(
    ("language", "changes", "text"),
    [
        (
            "en",
            {},
            "61% of the new visitors of 22 Nov 2026, UTC (6,100 of 10,000), came from 2 "
            "senders in 3 min.",
        ),
        (
            "en",
            {"n_senders": 1, "last_at": NOW, "visitors": 10_000},
            "100% of the new visitors of 22 Nov 2026, UTC (10,000 of 10,000), came from 1 "
            "sender in 1 min.",
        ),
        (
            "fr",
            {},
            "61 % des nouveaux visiteurs du 22 nov. 2026, UTC (6 100 sur 10 000), sont venus "
            "de 2 expéditeurs en 3 min.",
        ),
    ],
)
def test_burst_is_named_with_its_share_senders_and_time(language, changes, text):
    with translation.override(language):
        said = burst_in_words(burst(**changes))
    assert said.replace("\u00a0", " ").replace("\u202f", " ") == text
