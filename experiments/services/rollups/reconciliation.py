"""Nightly comparison of each experiment's rollups with a recount of its raw events.

All is read in one snapshot, without a lock, so that storing, folding and stopping go on.
Visitors with events that wait to be folded or were dropped in part count as booked; all others
are counted again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice

from django.db import connection, transaction

from experiments.models import CurrencyRollup, Experiment, GoalRollup, Rollup, RollupCheck
from experiments.models.rollup import AMOUNTS, CURRENCY_AMOUNTS, GOAL_AMOUNTS
from experiments.selectors import rollups
from experiments.services.rollups.accumulator import Amounts, RollupAccumulator
from experiments.services.rollups.folding import LATEST_ID, can_be_counted_again
from experiments.services.rollups.postgres_fold import differing_rows
from experiments.services.rollups.visitor_events import events_of_visitors
from experiments.services.rollups.visitor_outcome import visitor_outcome

CHUNK = 2_000
ROLLUP, GOAL, CURRENCY = "rollup", "goal", "currency"
Sums = dict[tuple[str, int, date, int, str], Amounts]


def check_rollups(*, now: datetime) -> list[RollupCheck]:
    """Compare the rollups of every experiment that may still change; return the alarms."""
    experiments = rollups.experiments_to_check(stopped_since=now - LATEST_ID)
    checks = [check_experiment(experiment=row, now=now) for row in experiments]
    return [check for check in checks if check is not None and check.n_differing]


def check_experiment(*, experiment: Experiment, now: datetime) -> RollupCheck | None:
    """Compare one experiment; return None if it cannot be counted again."""
    if not can_be_counted_again(experiment):
        return None
    with _one_snapshot():
        if connection.vendor == "postgresql":
            n_differing = differing_rows(experiment=experiment, site_id=experiment.slot.site_id)
        else:
            n_differing = _differing_rows(experiment)
    check, _ = RollupCheck.objects.update_or_create(
        experiment=experiment, defaults={"checked_at": now, "n_differing": n_differing}
    )
    return check


def _differing_rows(experiment: Experiment) -> int:
    """Return how many rollup rows are missing, superfluous or different."""
    counted, booked = _counted(experiment), _booked(experiment)
    return sum(counted.get(key) != booked.get(key) for key in counted.keys() | booked.keys())


def _counted(experiment: Experiment) -> Sums:
    site_id = experiment.slot.site_id
    standing = rollups.waiting_visitors(site_id=site_id)
    rows = [*rollups.settled_outcomes(experiment)]
    rows += rollups.outcomes_of_visitors(experiment_ids={experiment.pk}, visitors=standing)
    accumulator = RollupAccumulator()
    for row in {row.visitor: row for row in rows}.values():
        standing.add(row.visitor)
        accumulator.add_settled(experiment, row)
    names = (name for name in rollups.exposed_visitors(experiment) if name not in standing)
    while chunk := list(islice(names, CHUNK)):
        for events in events_of_visitors(site_id=site_id, visitors=chunk).values():
            accumulator.add(experiment, visitor_outcome(experiment, events))
    sums: Sums = {(ROLLUP, *key): amounts for key, amounts in accumulator.sums().items()}
    sums |= {(GOAL, *key): amounts for key, amounts in accumulator.goal_sums().items()}
    return sums | {
        (CURRENCY, *key): amounts for key, amounts in accumulator.currency_sums().items()
    }


def _booked(experiment: Experiment) -> Sums:
    sums: Sums = {}
    for row in Rollup.objects.filter(experiment=experiment):
        key = (ROLLUP, row.variant_id, row.day, row.phase, row.segment)
        sums[key] = tuple(getattr(row, name) for name in AMOUNTS)
    for goal in GoalRollup.objects.filter(experiment=experiment):
        key = (GOAL, goal.variant_id, goal.day, goal.phase, goal.goal)
        sums[key] = tuple(getattr(goal, name) for name in GOAL_AMOUNTS)
    for paid in CurrencyRollup.objects.filter(experiment=experiment):
        key = (CURRENCY, paid.variant_id, paid.day, paid.phase, f"{paid.currency} {paid.goal}")
        sums[key] = tuple(getattr(paid, name) for name in CURRENCY_AMOUNTS)
    return sums


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Run all queries on one snapshot; an open transaction is assumed to provide it."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    else:
        # A transaction opened by Django would block writers.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("COMMIT")
