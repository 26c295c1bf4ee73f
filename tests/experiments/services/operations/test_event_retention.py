"""Raw events go after a while; the rollups stay what a count of all events had said."""

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.event_schema.ids import day_of
from experiments.models import (
    Event,
    EventDrop,
    Experiment,
    GoalRollup,
    PendingBatch,
    Rollup,
    VisitorOutcome,
)
from experiments.services.operations.event_retention import (
    StillWaitingError,
    drop_old_events,
    planned_drop,
)
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.rollups.folding import (
    NothingToRebuildError,
    fold_pending,
    rebuild_rollups,
)
from tests import factories
from tests.crowd import drawn_messages
from tests.experiments.services.operations.test_visitor_erasure import tables
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)


@pytest.fixture
def long_test(transactional_db):
    """The experiment `hero-test`, running for 200 days, with the goal `signup`.

    PostgreSQL detaches a partition in transactions of its own.
    """
    site = factories.make_site()
    return factories.make_running_experiment(
        factories.make_slot(site, "hero"),
        goal="signup",
        primary_metric="value_per_visitor",
        started_at=NOW - 200 * DAY,
    )


def send_at(moment, kind="exposure", **changes):
    """Take an event in at the time at which it happened, and count it."""
    message = event_message(kind, id=id_of(moment), at=moment.isoformat(), **changes)
    assert sent(message, now=moment).accepted == 1
    fold_pending()


def id_of(moment):
    return str(factories.event_id(at=moment))


def test_events_of_earlier_days_go_and_the_rollups_stay(long_test):
    for days in (150, 101, 99, 3):
        send_at(NOW - days * DAY, visitor=f"v-{days}")
        send_at(NOW - days * DAY, "conversion", visitor=f"v-{days}", value=2.5)
    before = tables()
    planned = planned_drop(now=NOW, keep_days=100)
    drop = drop_old_events(now=NOW, keep_days=100)
    assert planned == drop
    assert (drop.before, drop.n_events, drop.n_settled) == ((NOW - 100 * DAY).date(), 4, 2)
    assert tables() == before
    assert sorted(Event.objects.values_list("visitor", flat=True).distinct()) == ["v-3", "v-99"]
    assert EventDrop.objects.get().n_events == 4


def test_plan_changes_nothing(long_test):
    send_at(NOW - 150 * DAY)
    planned_drop(now=NOW, keep_days=100)
    assert (Event.objects.count(), EventDrop.objects.count()) == (1, 0)
    assert VisitorOutcome.objects.get().is_settled is False


def test_visitor_whose_exposure_is_gone_counts_as_then(long_test):
    send_at(NOW - 150 * DAY)
    send_at(NOW - 50 * DAY)
    send_at(NOW - 50 * DAY, "click")
    drop_old_events(now=NOW, keep_days=100)
    before = tables()
    # To a count of what is left this would be a visitor of 50 days ago, and now of two arms.
    send_at(NOW, "conversion", value=5)
    send_at(NOW, variant="control")
    assert tables() == before


def test_visitor_whose_pre_period_is_cut_into_counts_as_then(long_test):
    send_at(NOW - 101 * DAY, "conversion", value=7)
    send_at(NOW - 95 * DAY)
    drop_old_events(now=NOW, keep_days=100)
    send_at(NOW, "conversion", value=5)
    row = Rollup.objects.get(segment="")
    assert (row.covariate_sum, row.value_sum) == (7, 0)


def test_older_events_of_no_use_leave_a_visitor_alone(long_test):
    send_at(NOW - 120 * DAY, "conversion", value=7)
    send_at(NOW - 95 * DAY)
    send_at(NOW - 94 * DAY, "conversion", value=5)
    assert drop_old_events(now=NOW, keep_days=100).n_settled == 0
    send_at(NOW - 94 * DAY, "conversion", value=1)
    row = Rollup.objects.get(segment="")
    assert (row.covariate_sum, row.value_sum) == (0, 6)


def test_rebuild_keeps_who_is_settled_and_counts_the_others(long_test):
    for days in (150, 40):
        send_at(NOW - days * DAY, visitor=f"v-{days}")
        send_at(NOW - days * DAY, "conversion", visitor=f"v-{days}", value=2.5)
    drop_old_events(now=NOW, keep_days=100)
    before = tables()
    Rollup.objects.update(visitors=9, value_sum=9)
    rebuild_rollups(experiment=long_test)
    assert tables() == before


def test_outcomes_of_long_ended_experiments_go_and_cannot_be_rebuilt(long_test):
    send_at(NOW - 150 * DAY)
    Experiment.objects.update(status=Experiment.Status.STOPPED, stopped_at=NOW - 140 * DAY)
    before = tables()
    assert drop_old_events(now=NOW, keep_days=100).n_outcomes == 1
    assert (tables(), VisitorOutcome.objects.count()) == (before, 0)
    with pytest.raises(NothingToRebuildError, match="hero-test"):
        rebuild_rollups(experiment=Experiment.objects.get())
    assert tables() == before


def test_erasing_a_settled_visitor_takes_them_out_of_the_sums(long_test):
    for visitor in ("v-1", "v-2"):
        send_at(NOW - 150 * DAY, visitor=visitor)
    drop_old_events(now=NOW, keep_days=100)
    erased = erase_visitor(site=long_test.slot.site, visitor="v-1", now=NOW)
    assert (erased.n_events, erased.n_experiments, erased.was_known) == (0, 1, True)
    assert Rollup.objects.get(segment="").visitors == 1


def test_dropping_again_goes_on_from_there(long_test):
    for days in (150, 120):
        send_at(NOW - days * DAY, visitor=f"v-{days}")
    dropped = [drop_old_events(now=NOW, keep_days=days).n_events for days in (140, 140, 100)]
    assert dropped == [1, 0, 1]


def test_events_that_cannot_be_counted_are_not_dropped(long_test, monkeypatch):
    moment = NOW - 150 * DAY
    sent(event_message(id=id_of(moment), at=moment.isoformat()), now=moment)
    monkeypatch.setattr("experiments.services.operations.event_retention.fold_pending", lambda: 0)
    with pytest.raises(StillWaitingError, match="wait to be counted"):
        drop_old_events(now=NOW, keep_days=100)
    assert (Event.objects.count(), PendingBatch.objects.count()) == (1, 1)


@pytest.mark.parametrize("days", [-1, 0, 89])
def test_too_short_a_time_is_refused(db, days):
    with pytest.raises(ValueError, match=f"keep_days: {days} is less than 90"):
        drop_old_events(now=NOW, keep_days=days)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(seed=st.integers(0, 2**32), keep=st.sampled_from([90, 100, 130]))
def test_no_drop_changes_what_was_counted(long_test, seed, keep):
    for model in (Rollup, GoalRollup, VisitorOutcome, Event, EventDrop):
        model.objects.all().delete()
    rng = random.Random(seed)  # noqa: S311  a test's dice
    # Events of 20 days around three moments of the last 150 days.
    for back in (130, 95, 5):
        now = NOW - back * DAY
        messages = [one for one in drawn_messages(rng, 25, 5) if one.get("slot", "hero") == "hero"]
        for one in messages:
            one["at"] = (now - rng.randrange(20) * DAY).isoformat()
            one["id"] = id_of(datetime.fromisoformat(one["at"]))
        assert sent(*messages, now=now).rejected == ()
    fold_pending()
    before = tables()
    drop = drop_old_events(now=NOW, keep_days=keep)
    assert drop.n_events > 0
    assert all(day_of(row.event_id) >= drop.before for row in Event.objects.all())
    assert tables() == before
    # Whoever is not settled is counted from all that ever counted for them.
    rebuild_rollups(experiment=Experiment.objects.get())
    assert tables() == before
