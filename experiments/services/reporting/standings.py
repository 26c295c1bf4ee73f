"""Standings of experiments: verdict and traffic, computed in the background for lists of many."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.event_schema.calendar_days import calendar_day
from experiments.formatting import Count
from experiments.models import Experiment, Standing
from experiments.selectors import standings as selectors
from experiments.services.lifecycle.outbox import tell_of_standing
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.end_of_test import names_of
from experiments.services.reporting.full_report import Summary, frozen_verdict, summaries
from experiments.services.reporting.missing_goals import MissingGoal, missing_goal_in_words
from experiments.services.reporting.verdict import sentence_of, title_of
from experiments.stats.decision.decide import Status
from experiments.stats.decision.grounds import Code

# A standing older than this is computed anew: a thousand take a tenth of a core.
FRESH = timedelta(minutes=5)
# Each takes some ten milliseconds: a run ends before the next.
MOST = 200
WEEK = timedelta(days=6)


def keep_standings(*, now: datetime, most: int = MOST) -> int:
    """Compute the oldest standings; return how many.

    Args:
        now: Moment of the figures.
        most: Experiments of one run; the others wait for the next.
    """
    waiting = list(selectors.experiments_without_standing(before=now - FRESH)[:most])
    for summary in summaries(waiting, now=now):
        values = _values(summary, now)
        experiment = summary.report.experiment
        with transaction.atomic():
            kept, _is_new = Standing.objects.update_or_create(
                experiment=experiment, defaults=values
            )
            tell_of_standing(kept, is_aa=is_aa_test(experiment), now=now)
    return len(waiting)


def _values(summary: Summary, now: datetime) -> Mapping[str, Any]:
    report, decision = summary.report, summary.decision
    today = calendar_day(now, report.experiment.zone_of_days)
    winner = decision.winner if decision else None
    arms = {arm.arm: arm for arm in report.experiment.variants.all()}
    is_aa = is_aa_test(report.experiment)
    rows = {row.arm: row.decisive.comparison.lift for row in report.comparisons}
    return {
        "computed_at": now,
        "status": summary.verdict.status if summary.verdict else "",
        # The arms of an A/A test have nothing to win.
        "winner": None if winner is None or is_aa else arms[winner],
        "lift": None if winner is None else rows.get(winner),
        "visitors": sum(arm.visitors for arm in report.arms),
        "today": today,
        "visitors_today": _visitors(summary, since=today),
        "visitors_week": _visitors(summary, since=today - WEEK),
        "days_left": _days_left(summary),
        "silent_hours": report.silent_hours,
        "missing_goals": [asdict(one) for one in summary.missing_goals],
    }


def _visitors(summary: Summary, *, since: date) -> int:
    return sum(day.visitors for day in summary.report.days if day.day >= since)


def _days_left(summary: Summary) -> float | None:
    """Return the days that the verdict names; None where it names none."""
    decision = summary.decision
    if decision is None or decision.status is not Status.KEEP_RUNNING:
        return None
    grounds = [ground.numbers for ground in decision.reasons]
    named = [numbers["days_left"] for numbers in grounds if "days_left" in numbers]
    return named[0] if named else None


def standing_title(experiment: Experiment) -> str:
    """Return the title of the kept verdict in the active language."""
    frozen = frozen_verdict(experiment)
    if frozen is not None:
        return frozen.title
    standing: Standing | None = getattr(experiment, "standing", None)
    if standing is None:
        return _("Its verdict is being computed.")
    if not standing.status:
        return _("No verdict yet.")
    status = Status(standing.status)
    if status is Status.KEEP_RUNNING and is_aa_test(experiment):
        return _("A/A test: no alarm.")
    winner = standing.winner
    name = names_of(experiment).get(winner.pk, winner.key) if winner else None
    return title_of(status, winner=name)


def standing_alarms(experiment: Experiment) -> tuple[str, ...]:
    """Return what is wrong with a live experiment, as sentences; none if it is healthy."""
    alarms: list[str] = []
    frozen = frozen_verdict(experiment)
    if frozen is not None:
        alarms += frozen.sentences
    standing: Standing | None = getattr(experiment, "standing", None)
    if standing and standing.silent_hours and standing.status == Status.NO_TRAFFIC:
        hours = Count(round(standing.silent_hours))
        alarms.append(sentence_of(Code.NO_TRAFFIC, {"hours": hours}))
    for kept in (standing.missing_goals or ()) if standing else ():
        alarms.append(missing_goal_in_words(MissingGoal(**kept)))
    check = getattr(experiment, "rollup_check", None)
    if check and check.n_differing:
        alarms.append(_("Rollups do not match the raw events"))
    return tuple(alarms)
