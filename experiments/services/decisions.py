"""From the numbers of a report to one decision. The rules are in experiments.stats.decision."""

from datetime import datetime, timedelta

from experiments.models import Experiment
from experiments.services.analysis import ComparisonResult, Report
from experiments.stats.decision import Decision, decide
from experiments.stats.evidence import ArmEvidence, Evidence, Rule

DAY = timedelta(days=1)


def decision_on(report: Report) -> Decision | None:
    """Return the decision; None before there are two arms to compare."""
    if not report.comparisons:
        return None
    experiment = report.experiment
    control = report.arms[0]
    is_fixed = _is_one_look(experiment)
    return decide(
        Evidence(
            arms=tuple(_arm_evidence(report, row) for row in report.comparisons),
            control_n=control.visitors,
            control_conversions=control.successes,
            rule=Rule.FIXED_HORIZON if is_fixed else Rule.SEQUENTIAL,
            alpha=experiment.alpha,
            days=_days(experiment, report.as_of),
            planned_n=_planned_visitors(report),
            stopped=experiment.stopped_at is not None,
            srm_p_value=report.srm.p_value if report.srm else None,
            multiple_arm_visitors=report.quarantined_visitors,
        )
    )


def _arm_evidence(report: Report, row: ComparisonResult) -> ArmEvidence:
    arm = report.arms[row.arm]
    return ArmEvidence(
        arm=row.arm,
        n=arm.visitors,
        conversions=arm.successes,
        lift=row.comparison.lift,
        bounds=row.comparison.lift_interval,
        p_value=row.p_value_adjusted,
    )


def _is_one_look(experiment: Experiment) -> bool:
    """Imported figures are looked at once: whoever measured them decided when to stop."""
    is_imported = experiment.origin == Experiment.Origin.IMPORTED
    return is_imported or experiment.plan == Experiment.Plan.FIXED


def _planned_visitors(report: Report) -> int | None:
    if report.experiment.origin == Experiment.Origin.IMPORTED:
        return sum(arm.visitors for arm in report.arms)
    return report.experiment.planned_visitors


def _days(experiment: Experiment, now: datetime) -> float:
    if experiment.started_at is None:
        return 0.0
    return max(((experiment.stopped_at or now) - experiment.started_at) / DAY, 0.0)
