"""Template context of the report page."""

from datetime import UTC, time
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from experiments.admin.charts import interval_chart
from experiments.formatting import attribute_name
from experiments.models import Exclusion, Experiment
from experiments.services.analysis.comparisons import is_sequential
from experiments.services.analysis.metric_statistics import SUCCESSES
from experiments.services.analysis.report import Report
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.plan_review import plan_basis, review_plan, save_slot_plan
from experiments.services.insights.report_insights import Insights
from experiments.services.reporting.burst_messages import burst_in_words
from experiments.services.reporting.full_report import FullReport
from experiments.services.reporting.plan_messages import (
    basis_in_words,
    cap_in_words,
    plan_warnings,
)
from experiments.stats.meta_analysis.empirical_bayes import FLOOR

# What a reader may do about visitors who are left out. Of those who saw several arms the page
# speaks beside the threshold from which they harm.
LEFT_OUT_HELP = {
    Exclusion.BOT: _("Identified as crawlers or automated browsers by the crawlerdetect list."),
    Exclusion.INTERNAL: _("Matched by the site's internal networks and ID prefixes."),
    Exclusion.UNEXPLAINED: _(
        "Neither the visitor's ID nor a receipt explains the arm: made up by a stranger, or sent "
        "by code of yours that changes IDs or leaves out “receipt”."
    ),
    Exclusion.BURST: _("Few senders sent far more than usual, or one arm only."),
    Exclusion.PREFETCH: _("Their browsers prefetched the page but never showed it."),
    Exclusion.IMPOSSIBLE: _(
        "A click more than 10 minutes before any exposure: exposures were lost, or IDs reused."
    ),
}


def report_context(full: FullReport) -> dict[str, Any]:
    """Return what is shown of a report."""
    report, insights = full.report, full.insights
    experiment = report.experiment
    return {
        **_insight_context(report, insights),
        "experiment": experiment,
        "report": report,
        "plans": full.plans,
        **_plan_context(full),
        "left_out": [
            (one, LEFT_OUT_HELP[one.reason])
            for one in report.left_out
            if one.reason in LEFT_OUT_HELP
        ],
        "verdict": full.verdict,
        "beliefs": full.posteriors,
        "has_flat_prior": any(belief.against_control for belief in full.posteriors),
        "insights": insights,
        "guardrails": [(report.arms[rail.arm], rail, state) for rail, state in full.guardrails],
        "secondary": [(report.arms[one.arm], one) for one in full.secondary],
        "interactions": full.interactions,
        "bursts": [burst_in_words(burst) for burst in full.bursts],
        "chart": interval_chart(report.arms),
        "confidence": 1 - experiment.alpha,
        "cap": cap_in_words(report),
        "is_rate": experiment.primary_metric in SUCCESSES,
        "is_sequential": is_sequential(experiment),
        "zone": experiment.slot.site.time_zone,
        "utc_day_begins": _utc_day_begins(report),
        "fixed": [(report.arms[row.arm], row.fixed) for row in report.comparisons],
        "anytime": [(report.arms[row.arm], row.anytime) for row in report.comparisons],
        "unadjusted": [(report.arms[row.arm], row.unadjusted) for row in report.comparisons],
    }


def _utc_day_begins(report: Report) -> time | None:
    """Return the site's time at which days in UTC begin, where it is not midnight."""
    midnight = report.as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    local = midnight.astimezone(report.experiment.slot.site.zone).time()
    return local if local != time.min else None


def plan_new_draft(request: HttpRequest, draft: Experiment) -> None:
    """Give a new draft its slot's planned visitors, and show where they come from."""
    if save_slot_plan(draft=draft, now=timezone.now()) and (basis := plan_basis(draft)):
        messages.info(request, basis_in_words(basis))


def warn_about_plan(request: HttpRequest, draft: Experiment) -> None:
    """Tell what speaks against the planned visitors that were saved."""
    review = review_plan(draft, slot_plans(draft, now=timezone.now()))
    for sentence in plan_warnings(review) if review else ():
        messages.warning(request, sentence)


def _plan_context(full: FullReport) -> dict[str, Any]:
    """Return what is said about a draft's planned visitors."""
    basis, review = plan_basis(full.report.experiment), full.plan_review
    return {
        "plan_basis": basis_in_words(basis) if basis else "",
        "plan_warnings": plan_warnings(review) if review else (),
    }


def _insight_context(report: Report, insights: Insights | None) -> dict[str, Any]:
    """Return the insights beside the arms that they are about."""
    if insights is None:
        return {}
    arms = report.arms
    attributes = groupby(insights.segments, lambda row: row.attribute)
    return {
        "least_tests": FLOOR,
        "exact": [(arms[one.arm], one) for one in insights.exact],
        "lifts": [(arms[one.arm], one) for one in insights.lifts],
        "time_hints": [(arms[one.arm], one) for one in insights.health.time],
        "segments": [
            (attribute_name(name), [(arms[row.arm], row) for row in rows])
            for name, rows in attributes
        ],
    }
