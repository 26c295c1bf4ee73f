"""A full report as plain JSON, for the API and exports."""

import math
from dataclasses import asdict
from datetime import datetime
from typing import Any

from experiments.code_version import report_code
from experiments.models import Annotation, Burst, Decision, Experiment, Interaction
from experiments.services.analysis.comparisons import ComparisonResult, Reading
from experiments.services.analysis.guardrails import GuardrailReading
from experiments.services.analysis.report import Report
from experiments.services.exploration.chosen_comparison import ChosenComparison
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.plan_review import PlanReview, review_plan
from experiments.services.insights.posteriors import ArmPosterior
from experiments.services.lifecycle.readiness import readiness_faults
from experiments.services.lifecycle.rivals import meeting_notes
from experiments.services.reporting.burst_messages import burst_in_words
from experiments.services.reporting.full_report import FullReport
from experiments.services.reporting.gains import PER_CLICK, gains_of
from experiments.services.reporting.plan_messages import plan_warnings
from experiments.services.rollups.value_cap import suggested_cap
from experiments.stats.decision.arm_status import GuardrailState


def report_as_json(full: FullReport) -> dict[str, Any]:
    """Return the report in JSON types only.

    A comparison's own figures are those that the verdict rests on; the fixed-horizon ones, which
    must not be read twice, are under `fixed`.
    """
    report, insights = full.report, full.insights
    experiment, srm = report.experiment, report.srm
    return {
        **_settings_as_json(experiment),
        "as_of": report.as_of,
        "code_version": report_code(),
        "verdict": asdict(full.verdict) if full.verdict else None,
        "decision": _decision_as_json(experiment),
        "arms": [asdict(arm) for arm in report.arms],
        "comparisons": [_comparison_as_json(report, row) for row in report.comparisons],
        "guardrails": [_guardrail_as_json(rail, state) for rail, state in full.guardrails],
        "secondary_metrics": [asdict(reading) for reading in full.secondary],
        "interactions": [_interaction_as_json(row) for row in full.interactions],
        "bursts": [_burst_as_json(row) for row in full.bursts],
        "cuped": asdict(report.adjustment) if report.adjustment else None,
        "currencies": [asdict(row) for row in report.currencies],
        "plan_state": asdict(report.plan) if report.plan else None,
        "phases": {
            "compared_within": len(report.strata.shares),
            "is_merged": report.strata.is_merged,
        },
        "omnibus": asdict(report.omnibus) if report.omnibus else None,
        "srm": {**asdict(srm), "is_mismatch": srm.is_mismatch} if srm else None,
        "quarantined_visitors": report.quarantined_visitors,
        "left_out": [
            {**asdict(exclusion), "reason": exclusion.reason.name.lower()}
            for exclusion in report.left_out
        ],
        "repeated_orders": report.repeated_orders,
        "days": [asdict(day) for day in report.days],
        "beliefs": [_belief_as_json(belief) for belief in full.posteriors],
        "insights": asdict(insights) if insights else None,
        "slot_plans": asdict(full.plans) if full.plans else None,
        "plan_review": _review_as_json(full.plan_review),
        "meetings": list(full.meetings),
        "missing_goals": [
            {**asdict(one), "arriving": dict(one.arriving)} for one in full.missing_goals
        ],
        "annotations": [_annotation_as_json(row) for row in full.annotations],
    }


def view_as_json(chosen: ChosenComparison) -> dict[str, Any]:
    """Return the comparison that a reader chose; it never decides."""
    view, (against, arm) = chosen.view, chosen.arms
    return {
        "arm": arm.key,
        "against": against.key,
        "metric": view.metric.key,
        "segment": view.segment,
        "from": view.first_day,
        "to": view.last_day,
        "cuped": chosen.is_adjusted,
        "reading": view.reading,
        "alpha": chosen.alpha,
        "decides": False,
        "is_one_look_chosen_after_the_fact": view.has_span,
        "arms": [asdict(one) for one in chosen.arms],
        "fixed": asdict(chosen.fixed) if chosen.fixed else None,
        "sequential": asdict(chosen.sequential) if chosen.sequential else None,
    }


def _comparison_as_json(report: Report, row: ComparisonResult) -> dict[str, Any]:
    return {
        "arm": row.arm,
        "key": report.arms[row.arm].key,
        "text": report.arms[row.arm].text,
        "valid": row.valid,
        **_reading_as_json(row.decisive),
        "gains": _gains_as_json(report, row),
        "fixed": _reading_as_json(row.fixed),
        "unadjusted": _reading_as_json(row.unadjusted) if row.unadjusted else None,
        "proven": asdict(row.proven) if row.proven else None,
    }


def _gains_as_json(report: Report, row: ComparisonResult) -> dict[str, Any] | None:
    """Return what a thousand visitors, or clicks, and a month bring more; null for an open end."""
    gains = gains_of(report, row.decisive.comparison)
    if gains is None:
        return None
    return {
        "per": "clicks" if report.experiment.primary_metric in PER_CLICK else "visitors",
        "units_per_day": gains.units_per_day,
        **{
            name: {"amount": gain.amount, "interval": _finite_ends(gain.interval)}
            for name, gain in (("per_thousand", gains.per_thousand), ("per_month", gains.per_month))
            if gain is not None
        },
    }


def _finite_ends(ends: tuple[float, float] | None) -> list[float | None] | None:
    """Return the ends of an interval; JSON has no infinity, so an open end is null."""
    return None if ends is None else [end if math.isfinite(end) else None for end in ends]


def readiness_as_json(draft: Experiment, *, now: datetime) -> dict[str, Any]:
    """Return what keeps a draft from starting, what others leave it, and doubts on its plan."""
    review = review_plan(draft, slot_plans(draft, now=now))
    faults = readiness_faults(draft) if draft.status == Experiment.Status.DRAFT else []
    cap = suggested_cap(draft)
    return {
        "experiment": draft.key,
        "faults": faults,
        "meetings": meeting_notes(draft),
        "plan_review": _review_as_json(review),
        "suggested_value_cap": float(cap.cap) if cap else None,
    }


def _settings_as_json(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment": experiment.key,
        "name": experiment.name,
        "slot": experiment.slot.key,
        "audience": experiment.audience.key if experiment.audience else None,
        "status": experiment.status,
        "metric": experiment.primary_metric,
        "goal": experiment.goal or None,
        "alpha": experiment.alpha,
        "value_cap": float(experiment.value_cap) if experiment.value_cap else None,
        "planned_visitors": experiment.planned_visitors,
        "planned_visitors_basis": experiment.planned_visitors_basis,
        "origin": experiment.origin,
        "source": experiment.source or None,
        "started_at": experiment.started_at,
        "stopped_at": experiment.stopped_at,
        "plan": experiment.plan,
        "ends_when_planned": experiment.ends_when_planned,
        "strict_guardrails": experiment.strict_guardrails,
        "time_zone": experiment.slot.site.time_zone,
        "days_in": experiment.zone_of_days.key,
        "verdict_needs": {
            "visitors": experiment.slot.site.minimum_visitors,
            "conversions": experiment.slot.site.minimum_conversions,
            "days": experiment.slot.site.minimum_days,
        },
    }


def _decision_as_json(experiment: Experiment) -> dict[str, Any] | None:
    """Return the decision at the end, and what the report said then."""
    decision: Decision | None = getattr(experiment, "decision", None)
    if decision is None:
        return None
    names = ("outcome", "note", "decided_at", "verdict", "visitors", "lift", "p_value")
    return {
        **{name: getattr(decision, name) for name in names},
        "winner": decision.winner.key if decision.winner else None,
        "compared": decision.compared.key if decision.compared else None,
        "author": decision.author.get_username() if decision.author else None,
        "server_key": decision.server_key,
        "promoted_cta": decision.promoted_cta_id,
        "replaced_cta": decision.replaced_cta_id,
        "undone_at": decision.undone_at,
    }


def _guardrail_as_json(rail: GuardrailReading, state: GuardrailState) -> dict[str, Any]:
    """Return a guardrail, its open ends null."""
    return {**asdict(rail), "bounds": _finite_ends(rail.bounds), "state": state.value}


def _review_as_json(review: PlanReview | None) -> dict[str, Any] | None:
    if review is None:
        return None
    pairs = zip(review.warnings, plan_warnings(review), strict=True)
    warnings = [{"code": code.value, "text": text} for code, text in pairs]
    return {**asdict(review), "warnings": warnings}


def _interaction_as_json(row: Interaction) -> dict[str, Any]:
    return {
        "experiment": row.experiment.key,
        "arm": row.arm.key,
        "other_experiment": row.other_arm.experiment.key,
        "other_arm": row.other_arm.key,
        "factor": row.factor,
        "p_value_adjusted": row.p_value,
        "visitors": row.visitors,
        "checked_at": row.checked_at,
    }


def _burst_as_json(row: Burst) -> dict[str, Any]:
    names = ("day", "first_at", "last_at", "n_senders", "visitors", "all_visitors")
    return {**{name: getattr(row, name) for name in names}, "text": burst_in_words(row)}


def _annotation_as_json(row: Annotation) -> dict[str, Any]:
    return {
        "day": row.day,
        "text": row.text,
        "author": row.author.get_username() if row.author else None,
        "created_at": row.created_at,
    }


def _belief_as_json(belief: ArmPosterior) -> dict[str, Any]:
    return {**asdict(belief), "arm": belief.arm.arm}


def _reading_as_json(reading: Reading) -> dict[str, Any]:
    return {**asdict(reading.comparison), "p_value_adjusted": reading.p_value_adjusted}
