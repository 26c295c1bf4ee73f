"""Decision on a report, by the rules of `stats.decision.decide`."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from experiments.event_schema.calendar_days import days_between
from experiments.models import Experiment
from experiments.services.analysis.comparisons import ComparisonResult, is_sequential
from experiments.services.analysis.currencies import decisive_currencies
from experiments.services.analysis.metric_statistics import needed_of
from experiments.services.analysis.report import Report
from experiments.services.insights.plan_review import plan_basis
from experiments.services.insights.time_to_decision import TimeLeft
from experiments.services.insights.winners_curse import CheckedLift
from experiments.stats.decision.arm_status import GuardrailState, guardrail_state
from experiments.stats.decision.decide import Decision, decide
from experiments.stats.decision.evidence import ArmEvidence, Evidence, Proof, Rule
from experiments.stats.decision.policy import Policy

Metric = Experiment.Metric
# Lists every primary metric: a new one, such as page errors, must be given its direction.
HIGHER_IS_BETTER = {
    Metric.CLICK_RATE: True,
    Metric.CONVERSION_RATE: True,
    Metric.VALUE_PER_VISITOR: True,
    Metric.VALUE_PER_CLICK: True,
    Metric.CONVERSIONS_PER_VISITOR: True,
}


def decision_on(
    report: Report, *, lifts: Sequence[CheckedLift] = (), outlook: TimeLeft | None = None
) -> Decision | None:
    """Return the decision; None before there are two arms to compare.

    The lifts add cautions, the outlook adds the days left; they never change the status.
    """
    evidence = evidence_of(report, lifts=lifts, outlook=outlook)
    return decide(evidence, policy_of(report.experiment)) if evidence else None


def policy_of(experiment: Experiment) -> Policy:
    """Return the thresholds of an experiment's verdict: its site's, and the lift it is made for."""
    site, basis = experiment.slot.site, plan_basis(experiment)
    return Policy(
        minimum_visitors=site.minimum_visitors,
        minimum_conversions=site.minimum_conversions,
        minimum_days=site.minimum_days,
        relevant_change=basis.target if basis else Policy().relevant_change,
    )


def guardrail_states(report: Report) -> tuple[GuardrailState, ...]:
    """Return how the arms stand on the report's guardrails, in their order, as it decides."""
    evidence = evidence_of(report)
    if evidence is None:
        return ()
    return tuple(
        guardrail_state(rail.evidence(), finished=evidence.finished) for rail in report.guardrails
    )


def evidence_of(
    report: Report, *, lifts: Sequence[CheckedLift] = (), outlook: TimeLeft | None = None
) -> Evidence | None:
    """Return the evidence that the decision rests on; None before there are two arms."""
    arms = _arms(report, {lift.arm: lift for lift in lifts})
    if not arms:
        return None
    experiment = report.experiment
    control = report.arms[0]
    is_live = experiment.origin == Experiment.Origin.LIVE
    has_planned_visitors = is_live and experiment.planned_visitors is not None
    return Evidence(
        arms=arms,
        control_n=control.visitors,
        control_conversions=needed_of(experiment, report.totals[0]),
        rule=Rule.SEQUENTIAL if is_sequential(experiment) else Rule.FIXED_HORIZON,
        alpha=experiment.alpha,
        higher_is_better=HIGHER_IS_BETTER[Metric(experiment.primary_metric)],
        days=_days(experiment, report.as_of),
        planned_n=_planned_visitors(report),
        planned_days=_planned_days(experiment),
        strict_guardrails=experiment.strict_guardrails,
        plan_over=report.plan.is_over if report.plan and has_planned_visitors else None,
        stopped=experiment.stopped_at is not None,
        paused=experiment.status == Experiment.Status.PAUSED,
        srm_p_value=report.srm.p_value if report.srm else None,
        multiple_arm_visitors=report.quarantined_visitors,
        silent_hours=report.silent_hours,
        days_left=outlook.days_left if outlook else None,
        currencies=decisive_currencies(experiment, report.currencies),
    )


def _arms(report: Report, checked: Mapping[int, CheckedLift]) -> tuple[ArmEvidence, ...]:
    """Return the evidence of the arms, without lifts where values cannot be compared."""
    if report.comparisons or report.srm is None:
        return tuple(_arm_evidence(report, row, checked.get(row.arm)) for row in report.comparisons)
    return tuple(ArmEvidence(arm=arm.arm, n=arm.visitors) for arm in report.arms[1:])


def _arm_evidence(
    report: Report, row: ComparisonResult, checked: CheckedLift | None
) -> ArmEvidence:
    arm = report.arms[row.arm]
    return ArmEvidence(
        arm=row.arm,
        n=arm.visitors,
        conversions=needed_of(report.experiment, report.totals[row.arm]),
        lift=row.decisive.comparison.lift,
        bounds=row.decisive.comparison.lift_interval,
        p_value=row.decisive.p_value_adjusted,
        proof=_proof(row),
        shrunken_lift=checked.expected.estimate if checked and checked.expected else None,
        shrunken_by=checked.expected.assumption if checked and checked.expected else None,
        guardrails=tuple(rail.evidence() for rail in report.guardrails if rail.arm == row.arm),
        is_dropped=arm.share == 0,
        is_rolled_back=arm.is_rolled_back,
        suspicious=checked.too_good.is_suspicious if checked else False,
    )


def _proof(row: ComparisonResult) -> Proof | None:
    if row.proven is None or row.proven.lift is None:
        return None
    return Proof(day=row.proven.day, lift=row.proven.lift, visitors=row.proven.visitors)


def _planned_visitors(report: Report) -> int | None:
    if report.experiment.origin == Experiment.Origin.IMPORTED:
        return sum(arm.visitors for arm in report.arms)
    return report.experiment.planned_visitors


def _planned_days(experiment: Experiment) -> float | None:
    """Return the planned duration where that is the plan, not a number of visitors."""
    if experiment.planned_visitors is not None or experiment.origin == Experiment.Origin.IMPORTED:
        return None
    if experiment.ends_at is None or experiment.started_at is None:
        return None
    zone = experiment.zone_of_days
    return max(days_between(experiment.started_at, experiment.ends_at, zone), 0.0)


def _days(experiment: Experiment, now: datetime) -> float:
    if experiment.started_at is None:
        return 0.0
    end = experiment.stopped_at or now
    return max(days_between(experiment.started_at, end, experiment.zone_of_days), 0.0)
