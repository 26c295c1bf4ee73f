"""The counting rules in Python and in SQL give what a plain recount of the events gives."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.models import (
    CurrencyRollup,
    Event,
    Experiment,
    GoalRollup,
    PendingBatch,
    Rollup,
    SecondaryMetric,
    VisitorDay,
    VisitorOutcome,
)
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.rollups.folding import (
    fold_pending,
    rebuild_rollups,
)
from tests import factories
from tests.experiments.services.recounting import (
    ACTS,
    COUNTS,
    COVARIATES,
    currency_recount,
    currency_rows_of,
    goal_recount,
    goal_rows_of,
    left_out_recount,
    left_out_rows_of,
    recount,
    rows_of,
)
from tests.experiments.services.rollups.sending import DAY, MINUTE, MORNING, send
from tests.factories import event_message

pytestmark = pytest.mark.on_both_databases


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
            fields["value"] = self.value / 10 if self.value else None
            fields["currency"] = {0: "EUR", 1: "CHF"}.get(self.value % 4)
            return event_message("conversion", goal=goal, **fields)
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


METRICS = {
    "value_per_visitor": None,
    "value_per_visitor, capped": Decimal("2.50"),
    "value_per_click, capped": Decimal("1.25"),
    "conversions_per_visitor": None,
}


@pytest.fixture(params=METRICS)
def phased(both, request):
    """Both experiments; the shares of the second, on each metric, changed between the events."""
    metric, cap = request.param.split(",")[0], METRICS[request.param]
    Experiment.objects.filter(key="sale").update(primary_metric=metric, value_cap=cap)
    SecondaryMetric.objects.create(experiment=both[1], metric="value_per_visitor", goal="signup")
    both[1].refresh_from_db()
    change = MORNING + 18 * 60 * MINUTE
    phases = ([0.5, 0.5], 1.0), ([0.8, 0.2], 1.0)
    factories.make_phases(both[1], *phases, every=change - factories.STARTED)
    return both


def send_with_flags(*pairs):
    """Send events, a request for each flag they carry."""
    for flags in sorted({own for _, own in pairs}):
        send(*(message for message, own in pairs if own == flags), flags=flags)


def tables_of(experiment, table):
    """The tables (stored or counted again) of everybody, of each segment and of each goal."""
    goals = {rows_of: goal_rows_of, recount: goal_recount}[table](experiment)
    columns = COUNTS + COVARIATES + ACTS
    left_out = {rows_of: left_out_rows_of, recount: left_out_recount}[table](experiment)
    currencies = {rows_of: currency_rows_of, recount: currency_recount}[table](experiment)
    if experiment.key != "sale":
        currencies = {} if table is recount else currencies
    return {"goals": goals, "left out": left_out, "currencies": currencies} | {
        one: table(experiment, one, columns) for one in SEGMENTS
    }


def emptied():
    """Forget what the last example left."""
    for model in (
        Rollup,
        GoalRollup,
        CurrencyRollup,
        VisitorOutcome,
        VisitorDay,
        Event,
        PendingBatch,
    ):
        model.objects.all().delete()
    Experiment.objects.update(status=Experiment.Status.RUNNING, stopped_at=None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(events=st.lists(sent_events, max_size=14), data=st.data())
def test_any_order_any_batches_any_retries_give_the_recount(phased, events, data):
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
    folded = [tables_of(experiment, rows_of) for experiment in phased]
    assert folded == [tables_of(experiment, recount) for experiment in phased]
    for experiment in phased:
        rebuild_rollups(experiment=experiment)
    assert [tables_of(experiment, rows_of) for experiment in phased] == folded


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    before=st.lists(sent_events, max_size=8),
    after=st.lists(sent_events.filter(lambda one: one.kind == "conversion"), max_size=4),
    stop=st.integers(0, 7),
    fold_first=st.booleans(),
)
def test_stop_anywhere_between_the_events_gives_the_recount(
    phased, before, after, stop, fold_first
):
    emptied()
    experiment = phased[1]
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
