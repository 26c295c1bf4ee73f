"""Ends of plans: of those whose planned visitors are in, and days of another time zone.

A plan ends with a day, so both are decided by the days of a report.
"""

import json
from datetime import datetime

from django.db import transaction

from experiments.event_schema.calendar_days import days_between
from experiments.models import Experiment, Notice
from experiments.selectors import reports
from experiments.services.analysis.report import Report, report_of
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from experiments.services.lifecycle.outbox import tell_of
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.rollups.folding import lock_experiments, rebuild_rollups


def stop_planned_experiments(*, now: datetime) -> list[Experiment]:
    """Stop the experiments that have reached their plan; return them.

    The plan's end is that of the report: the end of a day, in the experiment's time zone, at which
    the planned visitors are counted. Whole days of the site's minimum must have passed, or the
    verdict would be that they have not, for ever.
    """
    stopped = []
    for experiment in reports.experiments_that_end_when_planned():
        report = report_of(experiment=experiment, now=now)
        if _is_due(report, now) and _stop(experiment, note=_note(report), now=now):
            stopped.append(experiment)
    return stopped


@transaction.atomic
def _stop(experiment: Experiment, *, note: str, now: datetime) -> bool:
    stopped = stop_experiment(experiment=experiment, now=now, note=note)
    if stopped:
        facts = {"change": str(Kind.STOP), "note": note}
        tell_of(experiment, Notice.Kind.VERDICT, occurrence="plan_end", now=now, facts=facts)
    return stopped


def _is_due(report: Report, now: datetime) -> bool:
    experiment = report.experiment
    started_at = experiment.started_at
    if report.plan is None or not report.plan.is_over or started_at is None:
        return False
    least = experiment.slot.site.minimum_days
    return days_between(started_at, now, experiment.zone_of_days) >= least


def _note(report: Report) -> str:
    """Return the reason as figures; `auto_rollback.note_in_words` has the sentence."""
    visitors = sum(arm.visitors for arm in report.arms)
    planned = report.experiment.planned_visitors
    return json.dumps({"code": "plan_end", "visitors": visitors, "planned": planned})


class DaysStayError(Exception):
    """The days cannot move; the message gives the reason."""


@transaction.atomic
def move_days_to_zone_of_site(*, experiment: Experiment, now: datetime) -> bool:
    """Count the experiment again by days of its site's time zone; return False if it is so.

    The ends of days are the looks of a plan. Other looks must neither take back nor bring a
    proof, so the days stay once something is proven or the plan's end is read, and where the move
    would do either. The history records it.

    Raises:
        DaysStayError: If the days must stay, or some visitors cannot be counted again.
        NothingToRebuildError: If no events are left.
    """
    locked = lock_experiments({experiment.pk})[experiment.pk]
    old, new = locked.zone_of_days.key, locked.slot.site.time_zone
    if locked.started_at is None or old == new:
        return False
    if locked.outcomes.filter(is_settled=True).exists():
        raise DaysStayError("events of some of its visitors were dropped")
    _refuse_if_decided(locked, now)
    Experiment.objects.filter(pk=locked.pk).update(days_in=new)
    locked.days_in = new
    rebuild_rollups(experiment=locked)
    _refuse_if_decided(locked, now)
    record(locked, Kind.DAYS, Occasion(now=now, note=f"{old} -> {new}"))
    experiment.days_in = new
    return True


def _refuse_if_decided(experiment: Experiment, now: datetime) -> None:
    report = report_of(experiment=experiment, now=now)
    if any(row.proven for row in report.comparisons):
        raise DaysStayError("a difference is proven at the end of one of its days")
    if report.plan is not None and report.plan.is_over:
        raise DaysStayError("its plan was read at the end of one of its days")
