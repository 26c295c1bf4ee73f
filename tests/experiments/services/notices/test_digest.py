from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from experiments.models import Decision, Notice
from experiments.services.notices.digest import parts_for, write_digest
from experiments.services.reporting.standings import keep_standings
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.experiments.services.notices.conftest import make_reader
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def test_one_digest_a_week_from_monday_morning_on_whenever_a_worker_runs():
    assert write_digest(now=MONDAY - timedelta(minutes=1))
    assert not write_digest(now=MONDAY - timedelta(seconds=1))
    # Nobody was there on Monday.
    assert write_digest(now=MONDAY + timedelta(days=2))
    assert not write_digest(now=MONDAY + timedelta(days=6))
    assert [one.occurrence for one in Notice.objects.order_by("pk")] == [
        "digest:2026-W47",
        "digest:2026-W48",
    ]


def listed(person):
    person = get_user_model().objects.get(pk=person.pk)
    return {part.title: [row.name for row in part.rows] for part in parts_for(person, now=NOW)}


def test_digest_lists_what_waits_runs_and_was_decided_on_the_reader_s_sites(slot, site):
    won = factories.make_running_experiment(slot, "won")
    count(won, (1_000, 60), (1_000, 150), day=NOW.date())
    running = factories.make_running_experiment(factories.make_slot(site, "footer"), "running")
    count(running, (100, 10), (100, 11), day=NOW.date())
    for key, days in (("decided", 1), ("long-ago", 9)):
        done = factories.make_experiment(
            slot, key, status="archived", started_at=STARTED, stopped_at=NOW
        )
        at = NOW - timedelta(days=days)
        Decision.objects.create(experiment=done, outcome="inconclusive", decided_at=at)
    keep_standings(now=NOW)
    assert listed(make_reader("ada", site)) == {
        "Waits for a decision": ["won"],
        "Runs": ["running"],
        "Decided in the last seven days": ["decided"],
    }
    assert listed(make_reader("eve", factories.make_site("other"))) == {}
