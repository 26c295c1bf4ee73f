"""End of experiments whose planned visitors are in, for those that chose it."""

import json
from datetime import datetime, timedelta

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.analysis.report import Report, report_of
from experiments.services.lifecycle.transitions import stop_experiment


def stop_planned_experiments(*, now: datetime) -> list[Experiment]:
    """Stop the experiments that have reached their plan; return them.

    The plan's end is that of the report: the end of a day (UTC) at which the planned visitors are
    counted. Whole days of the site's minimum must have passed, or the verdict would be that they
    have not, for ever.
    """
    stopped = []
    for experiment in reports.experiments_that_end_when_planned():
        report = report_of(experiment=experiment, now=now)
        if _is_due(report, now) and stop_experiment(
            experiment=experiment, now=now, note=_note(report)
        ):
            stopped.append(experiment)
    return stopped


def _is_due(report: Report, now: datetime) -> bool:
    experiment = report.experiment
    started_at = experiment.started_at
    least = timedelta(days=experiment.slot.site.minimum_days)
    is_over = report.plan is not None and report.plan.is_over
    return is_over and started_at is not None and now - started_at >= least


def _note(report: Report) -> str:
    """Return the reason as figures; `auto_rollback.note_in_words` has the sentence."""
    visitors = sum(arm.visitors for arm in report.arms)
    planned = report.experiment.planned_visitors
    return json.dumps({"code": "plan_end", "visitors": visitors, "planned": planned})
