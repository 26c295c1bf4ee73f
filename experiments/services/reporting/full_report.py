"""Full report of an experiment, assembled once; page, JSON and dashboard only present it.

A list of experiments shows their summaries: the same decision and verdict, without what only the
page of one experiment shows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from experiments.models import Annotation, Burst, CacheWatch, Experiment, Interaction
from experiments.selectors.interactions import interactions_of
from experiments.selectors.reports import annotations_of
from experiments.selectors.senders import bursts_of
from experiments.services.analysis.guardrails import GuardrailReading
from experiments.services.analysis.metric_statistics import counts_clicks
from experiments.services.analysis.report import Report, report_of
from experiments.services.analysis.rollup_source import Counts, PrefetchedCounts, StoredCounts
from experiments.services.analysis.secondary_metrics import SecondaryReading, secondary_readings
from experiments.services.insights.draft_planning import SlotPlans, slot_plans
from experiments.services.insights.lift_estimates import estimates_of
from experiments.services.insights.lift_prior import fit_site_prior
from experiments.services.insights.plan_review import PlanReview, review_plan
from experiments.services.insights.posteriors import ArmPosterior, posteriors_of
from experiments.services.insights.report_insights import Insights, insights_of
from experiments.services.insights.time_to_decision import time_left
from experiments.services.insights.winners_curse import checked_lifts
from experiments.services.lifecycle.rivals import meeting_notes
from experiments.services.reporting.aa_tests import aa_verdict, is_aa_test
from experiments.services.reporting.decision import decision_on, evidence_of, guardrail_states
from experiments.services.reporting.missing_goals import MissingGoal, missing_goals
from experiments.services.reporting.verdict import Verdict, silence_in_words, verdict_of
from experiments.stats.decision.arm_status import GuardrailState
from experiments.stats.decision.decide import Decision, Status
from experiments.stats.meta_analysis.empirical_bayes import PriorFit


@dataclass(frozen=True, slots=True, kw_only=True)
class FullReport:
    """A report with its conclusions; the insights are None where nothing is compared.

    `guardrails` are those of the report, each with the state of its arm; `meetings` are sentences
    about the visitors that other experiments on the slot leave to this one.
    """

    report: Report
    insights: Insights | None
    decision: Decision | None
    verdict: Verdict | None
    guardrails: tuple[tuple[GuardrailReading, GuardrailState], ...]
    secondary: tuple[SecondaryReading, ...]
    interactions: tuple[Interaction, ...]
    bursts: tuple[Burst, ...]
    posteriors: tuple[ArmPosterior, ...]
    plans: SlotPlans | None
    plan_review: PlanReview | None
    meetings: tuple[str, ...]
    missing_goals: tuple[MissingGoal, ...]
    annotations: tuple[Annotation, ...]

    @property
    def is_trusted(self) -> bool:
        """Whether the data may prove anything; also before there is a verdict."""
        return self.verdict is None or self.verdict.status != Status.INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The line of one experiment in a list; its verdict is that of the full report."""

    report: Report
    decision: Decision | None
    verdict: Verdict | None
    missing_goals: tuple[MissingGoal, ...]


def full_report(
    *, experiment: Experiment, now: datetime, counts: Counts | None = None
) -> FullReport:
    """Return everything about one experiment; others' counts may stand in for the stored."""
    counts = StoredCounts(experiment) if counts is None else counts
    report = report_of(experiment=experiment, now=now, counts=counts)
    insights = insights_of(report, counts)
    decision = decision_on(
        report,
        lifts=insights.lifts if insights else (),
        outlook=insights.time_left if insights else None,
    )
    states = guardrail_states(report)
    evidence = evidence_of(report)
    plans = slot_plans(experiment, now=now)
    return FullReport(
        report=report,
        insights=insights,
        decision=decision,
        verdict=verdict_on(report, decision),
        guardrails=tuple(zip(report.guardrails, states, strict=True)),
        secondary=secondary_readings(report, counts),
        interactions=tuple(interactions_of(experiment)),
        bursts=tuple(bursts_of(experiment)),
        posteriors=posteriors_of(
            report, insights, plan_ended=evidence is not None and evidence.finished
        ),
        plans=plans,
        plan_review=review_plan(experiment, plans),
        meetings=tuple(meeting_notes(experiment)),
        missing_goals=missing_goals(report, counts.goals, now=now),
        annotations=tuple(annotations_of(experiment)),
    )


def summaries(experiments: Iterable[Experiment], *, now: datetime) -> list[Summary]:
    """Return the lines of live experiments, whose rollups of everybody are prefetched."""
    priors = _Priors()
    return [_summary(experiment, now, priors) for experiment in experiments]


def verdict_on(report: Report, decision: Decision | None) -> Verdict | None:
    """Return the decision in words; None before there are two arms."""
    if decision is None:
        return None
    frozen = frozen_verdict(report.experiment)
    if frozen is not None:
        return frozen
    if decision.status is not Status.INVALID and is_aa_test(report.experiment):
        verdict, silence = aa_verdict(report), silence_in_words(decision)
        return replace(verdict, sentences=(*verdict.sentences, silence)) if silence else verdict
    return decision_in_words(report, decision)


def decision_in_words(report: Report, decision: Decision) -> Verdict:
    """Return a decision, or a part of one, with the wordings of the report's arms."""
    return verdict_of(
        decision,
        names={arm.arm: arm.text for arm in report.arms},
        counts_clicks=counts_clicks(report.experiment),
    )


def frozen_verdict(experiment: Experiment) -> Verdict | None:
    """Return the verdict while an alarm stands: none can be given."""
    watch: CacheWatch | None = getattr(experiment, "cache_watch", None)
    if watch is None or watch.alarmed_at is None:
        return None
    return Verdict(
        status=Status.INVALID.value,
        title=_("No verdict: the data cannot be trusted."),
        sentences=(_("One arm is frozen: a cache may be serving it to everyone"),),
        cautions=(),
    )


class _Priors:
    """The priors of a list's experiments, each fitted once: one query a site and metric."""

    def __init__(self) -> None:
        self._fits: dict[tuple[int, str], PriorFit] = {}

    def of(self, experiment: Experiment) -> PriorFit:
        """Return the prior from finished experiments, to which a live one does not belong."""
        key = experiment.slot.site_id, experiment.primary_metric
        if key not in self._fits:
            self._fits[key] = fit_site_prior(experiment)
        return self._fits[key]


def _summary(experiment: Experiment, now: datetime, priors: _Priors) -> Summary:
    report = report_of(experiment=experiment, now=now, counts=PrefetchedCounts(experiment))
    estimates = estimates_of(report)
    outlook = time_left(report, estimates)
    decision = decision_on(report, outlook=outlook)
    if decision is not None and decision.winner is not None:
        # Corrected lifts only add cautions beside a winner, and they cost a query.
        lifts = checked_lifts(report, priors.of(experiment), estimates)
        decision = decision_on(report, lifts=lifts, outlook=outlook)
    return Summary(
        report=report,
        decision=decision,
        verdict=verdict_on(report, decision),
        missing_goals=_missing_primary_goal(report, now),
    )


def _missing_primary_goal(report: Report, now: datetime) -> tuple[MissingGoal, ...]:
    """Return the primary goal if it does not arrive; the others are for the page of the test."""
    missing = missing_goals(report, tuple, now=now) if _has_no_conversion(report) else ()
    return tuple(one for one in missing if one.goal == report.experiment.goal)


def _has_no_conversion(report: Report) -> bool:
    is_of_goal = report.experiment.primary_metric != Experiment.Metric.CLICK_RATE
    return is_of_goal and not any(total.converting_visitors for total in report.totals)
