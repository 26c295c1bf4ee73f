"""Goals of a plan that never arrive while others do: a name that was typed in two ways, mostly.

A goal is a name on both sides, in the plan and in the code of the pages. If they differ, the test
never counts a conversion, and shows no error.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from django.utils.translation import gettext_lazy

from experiments.formatting import count
from experiments.models import Experiment, GoalRollup
from experiments.selectors.events import conversions_by_goal
from experiments.services.analysis.report import Report

SEARCHED = timedelta(days=7)
# A site may have hundreds of goals; the nearest in spelling and the most frequent are named.
MOST_NAMED = 5
# Fewer visitors of a test may well have reached no goal.
LEAST_VISITORS = 100
LEAST_CONVERSIONS = 20
_NEVER = gettext_lazy(
    "The goal “%(goal)s” of the plan has not arrived once in the last %(days)s days, while these"
    " do: %(named)s. Is it written in the same way on your pages?"
)
_FOR_OTHERS = gettext_lazy(
    "The goal “%(goal)s” has arrived %(conversions)s times in the last %(days)s days, but never for"
    " a visitor of this test: do conversions come with the same visitor IDs?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingGoal:
    """A goal of the plan that no visitor of the test has reached.

    `conversions`: those of the goal on the whole site in the days that were searched. `arriving`:
    other goals with theirs, the nearest in spelling first.
    """

    goal: str
    conversions: int
    arriving: tuple[tuple[str, int], ...]
    days: int = SEARCHED.days


def missing_goals(
    report: Report, goal_rows: Callable[[], Iterable[GoalRollup]], *, now: datetime
) -> tuple[MissingGoal, ...]:
    """Return the goals of an experiment's plan that do not arrive although conversions do.

    Only where a goal has no conversion at all are events read, those of the last days; the rows
    of further goals only where the plan has any.
    """
    experiment = report.experiment
    started = experiment.started_at
    visitors = sum(arm.visitors for arm in report.arms)
    if started is None or experiment.origin != Experiment.Origin.LIVE or not visitors:
        return ()
    unreached = _unreached(report, goal_rows)
    if not unreached:
        return ()
    until = experiment.stopped_at or now
    arriving = conversions_by_goal(
        site_id=experiment.slot.site_id, since=max(started, until - SEARCHED), until=until
    )
    found = (_missing(goal, arriving, visitors) for goal in unreached)
    return tuple(one for one in found if one is not None)


def missing_goal_in_words(missing: MissingGoal) -> str:
    """Return the goal, what arrives instead, and what may be wrong."""
    named = ", ".join(f"{goal} ({count(number)})" for goal, number in missing.arriving)
    values = {"goal": missing.goal, "days": missing.days, "named": named}
    if not missing.conversions:
        return _NEVER % values
    return _FOR_OTHERS % {**values, "conversions": count(missing.conversions)}


def _unreached(report: Report, goal_rows: Callable[[], Iterable[GoalRollup]]) -> list[str]:
    """Return the goals of the plan without a conversion, the primary one first."""
    experiment, reached = report.experiment, set()
    if any(total.converting_visitors for total in report.totals):
        reached.add(experiment.goal)
    goals = [rail.goal for rail in experiment.guardrails.all()]
    goals += [metric.goal for metric in experiment.secondary_metrics.all()]
    further = [goal for goal in goals if goal]
    if further:
        reached |= {row.goal for row in goal_rows() if row.converting_visitors}
    counts_clicks = experiment.primary_metric == Experiment.Metric.CLICK_RATE
    planned = further if counts_clicks else [experiment.goal, *further]
    return [goal for goal in dict.fromkeys(planned) if goal not in reached]


def _missing(goal: str, arriving: Mapping[str, int], visitors: int) -> MissingGoal | None:
    own = arriving.get(goal, 0)
    others = {name: number for name, number in arriving.items() if name != goal}
    if own and (visitors < LEAST_VISITORS or own < LEAST_CONVERSIONS):
        return None
    if not own and not others:
        return None
    return MissingGoal(goal=goal, conversions=own, arriving=tuple(_nearest(goal, others)))


def _nearest(goal: str, others: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    def rank(entry: tuple[str, int]) -> tuple[float, int]:
        name, number = entry
        likeness = SequenceMatcher(None, goal.casefold(), name.casefold()).ratio()
        # Names that are not alike are in the order of their number.
        return (-likeness if likeness > 0.6 else 0.0, -number)

    return sorted(others.items(), key=rank)[:MOST_NAMED]
