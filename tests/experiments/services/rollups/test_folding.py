"""The rollups say what a plain recount of the events says, whatever way the events came."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from string import ascii_uppercase
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.models import (
    Event,
    Experiment,
    GoalRollup,
    Guardrail,
    PendingBatch,
    Rollup,
    VisitorDay,
    VisitorOutcome,
)
from experiments.services.events.ingestion import ingest
from experiments.services.events.partitions import make_partitions
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.rollups.folding import (
    NothingToRebuildError,
    fold_pending,
    rebuild_rollups,
)
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.experiments.services.recounting import (
    COUNTS,
    COVARIATES,
    goal_recount,
    goal_rows_of,
    left_out_recount,
    left_out_rows_of,
    recount,
    rows_of,
)
from tests.factories import NOW, event_message
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MORNING = NOW - 2 * DAY


@pytest.fixture
def sale(running_experiment):
    """A second experiment of the shop, on slot `footer`, whose goal is `signup`."""
    footer = factories.make_slot(running_experiment.slot.site, "footer")
    return factories.make_running_experiment(
        footer, "sale", goal="signup", primary_metric="value_per_visitor"
    )


@pytest.fixture
def both(running_experiment, sale):
    """Both experiments of the shop, counting the goal `signup`."""
    Experiment.objects.update(goal="signup")
    Experiment.objects.filter(key="sale").update(conversion_window_hours=24)
    Guardrail.objects.create(
        experiment=running_experiment, metric="conversion_rate", goal="newsletter"
    )
    running_experiment.refresh_from_db()
    sale.refresh_from_db()
    return running_experiment, sale


def send(*messages, now=NOW, flags=0):
    """Take events in as the shop's page sends them."""
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    receipt = ingest(site=site, items=messages, now=now, flags=flags)
    assert receipt.rejected == ()


def test_exposure_click_and_conversion_of_one_visitor(both):
    send(
        event_message(at=MORNING.isoformat()),
        event_message("click", at=(MORNING + MINUTE).isoformat()),
        event_message("click", at=(MORNING + 2 * MINUTE).isoformat()),
        event_message("conversion", value=12.5, at=(MORNING + 3 * MINUTE).isoformat()),
        event_message("conversion", value=0.1, at=(MORNING + DAY).isoformat()),
    )
    assert fold_pending() == 5
    expected = (1, 1, 1, Decimal("12.6"), Decimal("158.76"), 0)
    assert rows_of(both[0]) == {("b", MORNING.date()): expected}


def test_visitor_counts_on_the_utc_day_of_the_first_exposure(running_experiment):
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    send(
        event_message(at="2026-11-21T01:30:00+02:00"),  # Still the 20th in Greenwich.
        event_message(at=(midnight + MINUTE).isoformat()),
        event_message("click", at=(midnight + DAY).isoformat()),
    )
    fold_pending()
    day = (midnight - DAY).date()
    assert rows_of(running_experiment) == {("b", day): (1, 1, 0, 0, 0, 0)}


def test_earlier_exposure_that_comes_late_moves_the_visitor(running_experiment):
    send(event_message(at=NOW.isoformat()))
    fold_pending()
    send(event_message(at=(NOW - DAY).isoformat()))
    fold_pending()
    day = (NOW - DAY).date()
    assert rows_of(running_experiment) == {("b", day): (1, 0, 0, 0, 0, 0)}


@pytest.mark.parametrize("kind", ["exposure", "click"])
def test_visitor_of_two_arms_is_quarantined(running_experiment, kind):
    send(event_message(), event_message(kind, variant="control"), event_message("click"))
    send(event_message(visitor="v-2"))
    fold_pending()
    assert rows_of(running_experiment) == {("b", NOW.date()): (1, 0, 0, 0, 0, 1)}


@pytest.mark.parametrize(
    ("flag", "column"),
    [
        (Event.Flag.BOT, "bot_visitors"),
        (Event.Flag.INTERNAL, "internal_visitors"),
        (Event.Flag.PREFETCH, "prefetched_visitors"),
        (Event.Flag.BOT | Event.Flag.INTERNAL, "bot_visitors"),
    ],
)
def test_visitor_of_flagged_exposures_is_left_out_and_counted_by_the_reason(both, flag, column):
    send(event_message(), event_message("conversion", value=3), flags=flag)
    send(event_message(visitor="v-2"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {("b", NOW.date(), column): 1}


def test_one_flagged_click_leaves_a_visitor_out_who_counted_before(both):
    send(event_message())
    fold_pending()
    send(event_message("click"), flags=Event.Flag.BOT)
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (0, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {("b", NOW.date(), "bot_visitors"): 1}


def test_flagged_events_of_one_experiment_leave_the_others_alone(both):
    send(event_message(slot="footer"), flags=Event.Flag.INTERNAL)
    send(event_message())
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[1]) == {("b", NOW.date(), "internal_visitors"): 1}


def test_what_was_prefetched_counts_from_when_it_was_seen(both):
    before = (NOW - DAY).isoformat()
    send(
        event_message(at=before, variant="control"),
        event_message("conversion", at=before),
        flags=Event.Flag.PREFETCH,
    )
    fold_pending()
    assert left_out_rows_of(both[0]) == {("control", (NOW - DAY).date(), "prefetched_visitors"): 1}
    send(event_message(), event_message("click"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 1, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {}


@pytest.mark.parametrize(
    ("minutes", "expected"), [(10, {}), (11, {("b", NOW.date(), "impossible_visitors"): 1})]
)
def test_click_long_before_the_exposure_is_impossible(both, minutes, expected):
    early = (NOW - minutes * MINUTE).isoformat()
    send(event_message("click", at=early), event_message(), event_message("click"))
    fold_pending()
    assert left_out_rows_of(both[0]) == expected


def test_click_and_conversion_before_the_exposure_do_not_count(both):
    before = (MORNING - MINUTE).isoformat()
    send(
        event_message("click", at=before),
        event_message("conversion", at=before),
        event_message(at=MORNING.isoformat()),
    )
    fold_pending()
    assert rows_of(both[0]) == {("b", MORNING.date()): (1, 0, 0, 0, 0, 0)}


def test_conversion_that_arrives_before_its_exposure_counts(both):
    send(event_message("conversion", value=3, at=(MORNING + MINUTE).isoformat()))
    fold_pending()
    assert rows_of(both[0]) == {}
    send(event_message(at=MORNING.isoformat()))
    fold_pending()
    assert rows_of(both[0]) == {("b", MORNING.date()): (1, 0, 1, 3, 9, 0)}


def test_other_goal_does_not_count(both):
    send(event_message(), event_message("conversion", goal="newsletter"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}


def test_one_conversion_counts_in_every_experiment_the_visitor_met(both):
    send(event_message(), event_message(slot="footer"), event_message("conversion", value=2))
    fold_pending()
    for experiment in both:
        assert rows_of(experiment) == {("b", NOW.date()): (1, 0, 1, 2, 4, 0)}


def test_refund_is_taken_off(both):
    send(*(event_message("conversion", value=value) for value in (10, -10)), event_message())
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 1, 0, 0, 0)}


def test_same_visitor_id_on_two_sites_is_two_visitors(both, other_site):
    rival_slot = factories.make_slot(other_site, "hero")
    rival = factories.make_running_experiment(rival_slot, "rival-test", goal="signup")
    site = build_snapshot(revision=1, now=NOW).client_keys["rival-client-key"]
    ingest(site=site, items=[event_message(), event_message("conversion")], now=NOW)
    send(event_message())
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert rows_of(rival) == {("b", NOW.date()): (1, 0, 1, 0, 0, 0)}


def test_conversion_after_the_stop_does_not_count(both):
    experiment = both[0]
    send(event_message(at=MORNING.isoformat()))
    stop_experiment(experiment=experiment, now=MORNING + DAY)
    send(event_message("conversion", at=(MORNING + DAY + MINUTE).isoformat()))
    fold_pending()
    assert rows_of(experiment) == {("b", MORNING.date()): (1, 0, 0, 0, 0, 0)}
    assert rows_of(both[1]) == {}


@pytest.mark.parametrize(("minutes", "counts"), [(0, 1), (1, 0)])
def test_conversion_counts_within_the_window_of_the_first_exposure(both, minutes, counts):
    late = MORNING + DAY + minutes * MINUTE
    send(
        event_message(slot="footer", at=MORNING.isoformat()),
        event_message(slot="footer", at=(MORNING + 60 * MINUTE).isoformat()),
        event_message("conversion", value=2, at=late.isoformat()),
    )
    fold_pending()
    expected = (1, 0, counts, 2 * counts, 4 * counts, 0)
    assert rows_of(both[1]) == {("b", MORNING.date()): expected}


def test_conversion_of_a_clock_ahead_is_taken_back_by_an_earlier_stop(both):
    # Counted while the experiment ran; a rebuild would not count it.
    experiment = both[0]
    ahead = (NOW + 5 * MINUTE).isoformat()
    send(event_message(), event_message("conversion", value=5, at=ahead))
    fold_pending()
    assert rows_of(experiment) == {("b", NOW.date()): (1, 0, 1, 5, 25, 0)}
    stop_experiment(experiment=experiment, now=NOW + MINUTE)
    fold_pending()
    assert rows_of(experiment) == recount(experiment)
    assert rows_of(experiment) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}


def test_equal_times_are_told_apart_by_the_event_id_not_by_arrival(running_experiment):
    first = event_message(id="01a20000-0000-7000-8000-000000000001", variant="control")
    second = event_message(id="01a20000-0000-7000-8000-000000000002", variant="b")
    send(second)
    send(first)
    fold_pending()
    assert rows_of(running_experiment) == {("control", NOW.date()): (0, 0, 0, 0, 0, 1)}


def test_first_exposure_decides_the_segments(running_experiment):
    later = {"attributes": {"device": "desktop"}, "at": NOW.isoformat()}
    send(event_message(**later), event_message("click", at=NOW.isoformat()))
    fold_pending()
    send(event_message(attributes={"device": "mobile"}, at=MORNING.isoformat()))
    fold_pending()
    seen = {("b", MORNING.date()): (1, 1, 0, 0, 0, 0)}
    assert rows_of(running_experiment, "device=mobile") == seen
    assert rows_of(running_experiment, "device=desktop") == {}
    assert rows_of(running_experiment) == seen


def test_covariate_is_what_the_visitor_did_before_the_first_exposure(both):
    hours = [(MORNING + hour * 60 * MINUTE).isoformat() for hour in range(6)]
    send(
        event_message("conversion", value=3, at=(MORNING - 13 * DAY).isoformat()),
        event_message("conversion", value=50, at=(MORNING - 14 * DAY).isoformat()),
        event_message("conversion", value=7, goal="newsletter", at=hours[0]),
        event_message(at=hours[0]),
        event_message("click", at=hours[0]),
        event_message(slot="footer", at=hours[1]),
        event_message("conversion", value=20, at=hours[2]),
    )
    fold_pending()
    clicks, values = (rows_of(one, columns=COVARIATES) for one in both)
    # Seen before anything was clicked; the footer's experiment after a click.
    assert clicks == {("b", MORNING.date()): (0, 0, 0)}
    assert values == {("b", MORNING.date()): (3, 9, 60)}


def test_covariate_of_clicks_is_one_click_on_another_experiment(both):
    hours = [(MORNING + hour * 60 * MINUTE).isoformat() for hour in range(6)]
    send(
        event_message(slot="footer", at=hours[0]),
        *(event_message("click", slot="footer", at=hours[1]) for _ in range(3)),
        # Its exposure comes a little later, or never came.
        event_message("click", at=(MORNING + 175 * MINUTE).isoformat()),
        event_message(at=hours[3]),
        event_message("click", at=hours[4]),
    )
    fold_pending()
    assert rows_of(both[0], columns=COVARIATES) == {("b", MORNING.date()): (1, 1, 1)}


def test_goal_of_a_guardrail_is_counted_beside_the_own_one(both):
    send(
        event_message(),
        event_message("conversion", value=2),
        event_message("conversion", goal="newsletter", value=0.5),
        event_message("conversion", goal="newsletter", value=1),
        event_message("conversion", goal="other", value=9),
    )
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 1, 2, 4, 0)}
    expected = (1, Decimal("1.5"), Decimal("2.25"))
    assert goal_rows_of(both[0]) == {("b", NOW.date(), "newsletter"): expected}
    assert goal_rows_of(both[1]) == {}


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
            assert committed.wait(timeout=10)

    def quick():
        assert began.wait(timeout=10)
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


@dataclass(frozen=True, slots=True)
class Sent:
    """One drawn event: kind, visitor, slot, arm, minute, value; its number is its id."""

    kind: str
    visitor: int
    slot: str
    arm: str
    minute: int
    value: int
    attributes: dict
    flags: int

    def message(self, number):
        at = (MORNING + self.minute * 6 * 60 * MINUTE).isoformat()
        fields = {"id": str(UUID(int=number)), "visitor": f"v-{self.visitor}", "at": at}
        if self.kind == "conversion":
            goal = "signup" if self.value % 3 else "newsletter"
            if self.value % 5 == 0:  # To both sides of the end of the pre-period.
                fields["at"] = (MORNING + self.minute * 6 * 60 * MINUTE - 14 * DAY).isoformat()
            return event_message("conversion", goal=goal, value=self.value / 10, **fields)
        if self.kind == "exposure":
            fields["attributes"] = self.attributes
        return event_message(self.kind, slot=self.slot, variant=self.arm, **fields)


ATTRIBUTES = (
    {},
    {"device": "mobile"},
    {"device": "desktop", "new_visitor": True},
    {"device": "mobile", "new_visitor": False},
)
sent_events = st.builds(
    Sent,
    kind=st.sampled_from(["exposure", "exposure", "click", "conversion"]),
    visitor=st.integers(0, 3),
    slot=st.sampled_from(["hero", "footer"]),
    arm=st.sampled_from(["b", "b", "b", "control"]),
    minute=st.integers(0, 7),
    value=st.integers(-20, 50),
    attributes=st.sampled_from(ATTRIBUTES),
    flags=st.sampled_from([0] * 12 + [1, 2, 4, 5]),
)
SEGMENTS = ("", "device=mobile", "device=desktop", "new_visitor=true", "new_visitor=false")


def send_with_flags(*pairs):
    """Send events, a request for each flag they carry."""
    for flags in sorted({own for _, own in pairs}):
        send(*(message for message, own in pairs if own == flags), flags=flags)


def tables_of(experiment, table):
    """The tables (stored or counted again) of everybody, of each segment and of each goal."""
    goals = {rows_of: goal_rows_of, recount: goal_recount}[table](experiment)
    columns = COUNTS + COVARIATES
    left_out = {rows_of: left_out_rows_of, recount: left_out_recount}[table](experiment)
    return {"goals": goals, "left out": left_out} | {
        one: table(experiment, one, columns) for one in SEGMENTS
    }


def emptied():
    """Forget what the last example left."""
    for model in (Rollup, GoalRollup, VisitorOutcome, VisitorDay, Event, PendingBatch):
        model.objects.all().delete()
    Experiment.objects.update(status=Experiment.Status.RUNNING, stopped_at=None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(events=st.lists(sent_events, max_size=14), data=st.data())
def test_any_order_any_batches_any_retries_give_the_recount(both, events, data):
    emptied()
    messages = [(event.message(number), event.flags) for number, event in enumerate(events)]
    waiting = data.draw(st.permutations(messages), label="order of arrival")
    while waiting:
        size = data.draw(st.integers(1, len(waiting)), label="size of the batch")
        again = data.draw(st.lists(st.sampled_from(messages), max_size=3), label="sent again")
        send_with_flags(*waiting[:size], *again)
        waiting = waiting[size:]
        if data.draw(st.booleans(), label="folded now"):
            fold_pending(batch=data.draw(st.integers(1, 5), label="fold"))
    fold_pending()
    folded = [tables_of(experiment, rows_of) for experiment in both]
    assert folded == [tables_of(experiment, recount) for experiment in both]
    for experiment in both:
        rebuild_rollups(experiment=experiment)
    assert [tables_of(experiment, rows_of) for experiment in both] == folded


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    before=st.lists(sent_events, max_size=8),
    after=st.lists(sent_events.filter(lambda one: one.kind == "conversion"), max_size=4),
    stop=st.integers(0, 7),
    fold_first=st.booleans(),
)
def test_stop_anywhere_between_the_events_gives_the_recount(both, before, after, stop, fold_first):
    emptied()
    experiment = both[0]
    send_with_flags(*((event.message(number), event.flags) for number, event in enumerate(before)))
    if fold_first:
        fold_pending()
    # The web process whose clock was ahead has dated events after the stop.
    stop_experiment(experiment=experiment, now=MORNING + stop * 6 * 60 * MINUTE)
    send(*(event.message(100 + number) for number, event in enumerate(after)))
    fold_pending()
    folded = tables_of(experiment, rows_of)
    assert folded == tables_of(experiment, recount)
    rebuild_rollups(experiment=experiment)
    assert tables_of(experiment, rows_of) == folded


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
