"""Folding and rebuilding: each batch counts once, whatever breaks off or happens beside it."""

import threading
from string import ascii_uppercase

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from experiments.models import (
    Event,
    Experiment,
    PendingBatch,
    Rollup,
    VisitorOutcome,
)
from experiments.services.events.partitions import make_partitions
from experiments.services.rollups.folding import (
    NothingToRebuildError,
    fold_pending,
    rebuild_rollups,
)
from tests import factories
from tests.experiments.services.recounting import (
    recount,
    rows_of,
)
from tests.experiments.services.rollups.sending import send
from tests.factories import NOW, event_message
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases


def test_nothing_new_folds_to_nothing(running_experiment):
    send(event_message())
    fold_pending()
    before = rows_of(running_experiment)
    assert (fold_pending(), rows_of(running_experiment)) == (0, before)
    PendingBatch.objects.create(pk=Event.objects.get().batch, n_events=1, stored_at=NOW)
    assert (fold_pending(), rows_of(running_experiment)) == (1, before)


def test_fold_that_breaks_off_has_booked_nothing(running_experiment, monkeypatch):
    send(event_message())
    with monkeypatch.context() as patch:
        patch.setattr(PendingBatch.objects, "filter", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fold_pending()
    assert (rows_of(running_experiment), PendingBatch.objects.count()) == ({}, 1)
    fold_pending()
    assert rows_of(running_experiment) == recount(running_experiment)


@pytest.mark.only_on_postgres
def test_transaction_that_commits_later_with_a_smaller_number_is_counted(real_database):
    """Numbers are given in another order than transactions commit in."""
    make_partitions([NOW.date()])
    experiment = factories.make_running_experiment(factories.make_slot(factories.make_site()))
    began, committed = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            send(event_message(visitor="v-slow"))
            began.set()
            assert committed.wait(timeout=240)

    def quick():
        assert began.wait(timeout=240)
        send(event_message(visitor="v-quick"))
        folded = fold_pending()
        committed.set()
        return folded, rows_of(experiment)

    outcomes = in_threads(slow, quick)
    assert outcomes[1] == (1, {("b", NOW.date()): (1, 0, 0, 0, 0, 0)})
    assert PendingBatch.objects.count() == 1
    assert fold_pending() == 1
    assert rows_of(experiment) == recount(experiment)
    assert rows_of(experiment) == {("b", NOW.date()): (2, 0, 0, 0, 0, 0)}


def test_rebuild_repairs_what_was_tampered_with(both):
    send(event_message(), event_message("click"), event_message("conversion", value=1))
    fold_pending()
    Rollup.objects.update(visitors=7, value_sum=99)
    VisitorOutcome.objects.update(has_clicked=False)
    rebuild_rollups(experiment=both[0])
    assert rows_of(both[0]) == recount(both[0])


def test_rebuild_touches_its_own_experiment_only(both):
    send(event_message(), event_message(slot="footer"))
    fold_pending()
    Rollup.objects.filter(experiment=both[1]).update(visitors=7)
    rebuild_rollups(experiment=both[0])
    assert rows_of(both[1])["b", NOW.date()][0] == 7


def test_rebuild_leaves_waiting_events_to_the_fold(both):
    # Their visitors may have been counted before they arrived.
    send(event_message())
    rebuild_rollups(experiment=both[0])
    assert PendingBatch.objects.get().n_events == 1
    fold_pending()
    assert rows_of(both[0]) == recount(both[0])


def test_rebuild_refuses_imported_figures(running_experiment):
    Experiment.objects.update(origin=Experiment.Origin.IMPORTED)
    running_experiment.refresh_from_db()
    with pytest.raises(NothingToRebuildError, match="hero-test"):
        rebuild_rollups(experiment=running_experiment)


def test_queries_of_a_fold_do_not_grow_with_its_events(running_experiment):
    counts = []
    for size in (1, 5, 50):
        # A segment of their own for almost every visitor.
        attributes = [{"country": f"A{letter}"} for letter in ascii_uppercase * 2]
        send(*(event_message(visitor=f"{size}-{n}", attributes=attributes[n]) for n in range(size)))
        with CaptureQueriesContext(connection) as queries:
            fold_pending()
        counts.append(len(queries))
    assert counts[2] <= counts[1]


def test_folds_and_batches_at_the_same_moment_give_the_recount(real_database):
    slot = factories.make_slot(factories.make_site())
    experiment = factories.make_running_experiment(slot)

    def send_some(first):
        for number in range(first, first + 5):
            send(
                event_message(visitor=f"v-{number}"), event_message("click", visitor=f"v-{number}")
            )

    folds = [lambda: fold_pending(batch=3)] * 2
    batches = [lambda first=first: send_some(first) for first in (0, 3)]
    outcomes = in_threads(*folds, *batches, lambda: rebuild_rollups(experiment=experiment))
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    fold_pending()
    assert rows_of(experiment) == recount(experiment)
    assert rows_of(experiment) == {("b", NOW.date()): (8, 8, 0, 0, 0, 0)}
