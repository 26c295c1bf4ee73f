from datetime import timedelta

import pytest
from django.utils import translation

from experiments import tasks
from experiments.models import Change
from experiments.services.operations.auto_rollback import note_in_words
from experiments.services.operations.proofs import record_proofs
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
DAY = timedelta(days=1)


@pytest.fixture
def winner(slot):
    """Proven two days ago, at 20,000 visitors."""
    experiment = factories.make_running_experiment(
        slot, planned_visitors=20_000, started_at=NOW - 9 * DAY
    )
    count(experiment, (5_000, 250), (5_000, 290), day=NOW.date() - 3 * DAY)
    count(experiment, (5_000, 250), (5_000, 310), day=NOW.date() - 2 * DAY)
    return experiment


def recorded():
    return [(experiment.key, arm) for experiment, arm in record_proofs(now=NOW)]


def test_proof_is_kept_once(winner):
    assert recorded() == [(winner.key, "b")]
    assert recorded() == []
    change = Change.objects.get(kind=Change.Kind.PROVEN)
    assert (change.experiment, change.author, change.at) == (winner, None, NOW)


def test_proof_is_told_in_the_language_of_the_reader(winner):
    record_proofs(now=NOW)
    change = Change.objects.get()
    words = note_in_words(change.kind, change.note)
    assert words.startswith("“b”, on 20 Nov 2026: lift +20.0% (adjusted p = 0.00")
    assert words.endswith("), when 20,000 visitors had come.")
    with translation.override("fr"):
        assert note_in_words(change.kind, change.note).startswith("«\xa0b\xa0», le 20 nov. 2026")


def test_nothing_proven_is_not_recorded(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=20_000)
    count(experiment, (5_000, 250), (5_000, 255), day=NOW.date() - 3 * DAY)
    assert recorded() == []


def test_proof_of_a_first_day_is_recorded_when_it_is_over(slot):
    """Until then later visitors of the day may take it back."""
    experiment = factories.make_running_experiment(slot, started_at=NOW.replace(hour=0))
    count(experiment, (10_000, 500), (10_000, 700), day=NOW.date())
    assert recorded() == []
    assert [arm for _, arm in record_proofs(now=NOW + DAY)] == ["b"]


def test_task_records_before_it_stops(winner, monkeypatch):
    winner.ends_when_planned = True
    winner.save()
    tasks.stop_planned_experiments()
    assert set(winner.changes.values_list("kind", flat=True)) == {"proven", "stop"}
