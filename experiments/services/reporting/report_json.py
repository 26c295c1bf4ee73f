"""A report as plain JSON: what the API answers and exports are made of."""

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from experiments.models import CacheWatch, Experiment
from experiments.services.analysis.comparisons import Reading
from experiments.services.analysis.report import Report
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.posteriors import ArmPosterior, posteriors_of
from experiments.services.insights.report_insights import Insights, insights_of
from experiments.services.reporting.aa_tests import aa_verdict, is_aa_test
from experiments.services.reporting.decision import decision_on, guardrail_states
from experiments.services.reporting.verdict import Verdict, verdict_of
from experiments.stats.decision.decide import Status


def verdict_on(report: Report, insights: Insights | None = None) -> Verdict | None:
    """Return the report's decision in words; None before there are two arms."""
    decision = decision_on(report, insights)
    if decision is None:
        return None
    frozen = frozen_verdict(report.experiment)
    if frozen is not None:
        return frozen
    if decision.status is not Status.INVALID and is_aa_test(report.experiment):
        return aa_verdict(report)
    return verdict_of(decision, names={arm.arm: arm.text for arm in report.arms})


def frozen_verdict(experiment: Experiment) -> Verdict | None:
    """Return the verdict while an alarm stands: none can be given."""
    watch: CacheWatch | None = getattr(experiment, "cache_watch", None)
    if watch is None or watch.alarmed_at is None:
        return None
    return Verdict(
        status=Status.INVALID.value,
        title=_("No verdict: the data cannot be trusted."),
        sentences=(_("One arm is frozen: a cache between you and the visitor?"),),
        cautions=(),
    )


def report_as_json(report: Report) -> dict[str, Any]:
    """Return the report in JSON types only."""
    experiment = report.experiment
    insights = insights_of(report)
    verdict = verdict_on(report, insights)
    srm = report.srm
    plans = slot_plans(experiment, now=report.as_of)
    return {
        "experiment": experiment.key,
        "name": experiment.name,
        "slot": experiment.slot.key,
        "audience": experiment.audience.key if experiment.audience else None,
        "status": experiment.status,
        "metric": experiment.primary_metric,
        "goal": experiment.goal or None,
        "alpha": experiment.alpha,
        "planned_visitors": experiment.planned_visitors,
        "origin": experiment.origin,
        "source": experiment.source or None,
        "started_at": experiment.started_at,
        "stopped_at": experiment.stopped_at,
        "as_of": report.as_of,
        "verdict": asdict(verdict) if verdict else None,
        "plan": experiment.plan,
        "arms": [asdict(arm) for arm in report.arms],
        "comparisons": [
            {
                "arm": row.arm,
                "key": report.arms[row.arm].key,
                "text": report.arms[row.arm].text,
                **asdict(row.fixed.comparison),
                "p_value_adjusted": row.fixed.p_value_adjusted,
                "anytime": _reading_as_json(row.anytime),
                "unadjusted": _reading_as_json(row.unadjusted),
            }
            for row in report.comparisons
        ],
        "guardrails": [
            {**asdict(rail), "state": state.value}
            for rail, state in zip(report.guardrails, guardrail_states(report), strict=True)
        ],
        "cuped": asdict(report.adjustment) if report.adjustment else None,
        "omnibus": asdict(report.omnibus) if report.omnibus else None,
        "srm": {**asdict(srm), "is_mismatch": srm.is_mismatch} if srm else None,
        "quarantined_visitors": report.quarantined_visitors,
        "left_out": [{**asdict(one), "reason": one.reason.name.lower()} for one in report.left_out],
        "days": [asdict(day) for day in report.days],
        "beliefs": [_belief_as_json(belief) for belief in posteriors_of(report, insights)],
        "insights": asdict(insights) if insights else None,
        "slot_plans": asdict(plans) if plans else None,
    }


def _belief_as_json(belief: ArmPosterior) -> dict[str, Any]:
    return {**asdict(belief), "arm": belief.arm.arm}


def _reading_as_json(reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {**asdict(reading.comparison), "p_value_adjusted": reading.p_value_adjusted}
