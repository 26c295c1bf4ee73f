"""Template context of the report page."""

from collections.abc import Mapping
from datetime import time
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from experiments.admin.cta_preview import draw
from experiments.admin.offers.aa_test import aa_context
from experiments.admin.reporting.annotations import annotation_context, annotation_urls
from experiments.admin.reporting.comments import comment_context, comment_urls
from experiments.admin.reporting.evidence import evidence_of
from experiments.admin.reporting.frozen import freezing_context, frozen_urls
from experiments.admin.reporting.pictures import picture_urls, shown_pictures
from experiments.admin.reporting.view_form import view_context
from experiments.event_schema.calendar_days import beginning_of, calendar_day
from experiments.formatting import attribute_name
from experiments.models import Exclusion, Experiment
from experiments.services.analysis.comparisons import is_sequential
from experiments.services.analysis.metric_statistics import SUCCESSES
from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.documents.first_screen import FirstScreen, first_screen
from experiments.services.documents.health_ticks import MARKS
from experiments.services.documents.next_steps import next_steps
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.plan_review import plan_basis, review_plan, save_slot_plan
from experiments.services.insights.report_insights import Insights
from experiments.services.reporting.burst_messages import burst_in_words
from experiments.services.reporting.full_report import FullReport
from experiments.services.reporting.missing_goals import missing_goal_in_words
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
    Exclusion.LATE: _(
        "The page was seen before the answer came, so it kept its own wording: slow networks, or a "
        "snippet that loads late. docs/embedding.md says what helps."
    ),
    Exclusion.PREFETCH: _("Their browsers prefetched the page but never showed it."),
    Exclusion.IMPOSSIBLE: _(
        "A click more than 10 minutes before any exposure: exposures were lost, or IDs reused."
    ),
}


def report_urls(admin_site: AdminSite) -> list[URLPattern]:
    """Return the pages that belong to a report."""
    return [
        *picture_urls(admin_site),
        *frozen_urls(admin_site),
        *annotation_urls(admin_site),
        *comment_urls(admin_site),
    ]


def report_page_context(request: HttpRequest, full: FullReport, counts: Counts) -> dict[str, Any]:
    """Return what the page of a report shows to a person, with what the address chooses."""
    view = view_context(request.GET, full.report, counts)
    experiment = full.report.experiment
    return {
        **report_context(full, view),
        **freezing_context(request, experiment),
        **annotation_context(request, experiment),
        **comment_context(request, experiment),
    }


def report_context(full: FullReport, view: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a report; `view` is what its reader chose to compare."""
    report, insights = full.report, full.insights
    experiment = report.experiment
    pictures = shown_pictures(full)
    return {
        **_insight_context(report, insights),
        **_first_context(full, first_screen(full)),
        **aa_context(full),
        "pictures": pictures,
        "evidence": evidence_of(full, pictures, view),
        **view,
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
        "meetings": full.meetings,
        "missing_goals": [missing_goal_in_words(one) for one in full.missing_goals],
        "beliefs": full.posteriors,
        "has_flat_prior": any(belief.against_control for belief in full.posteriors),
        "insights": insights,
        "guardrails": [(report.arms[rail.arm], rail, state) for rail, state in full.guardrails],
        "secondary": [(report.arms[one.arm], one) for one in full.secondary],
        "interactions": full.interactions,
        "annotations": full.annotations,
        "bursts": [burst_in_words(burst) for burst in full.bursts],
        "cap": cap_in_words(report),
        "is_rate": experiment.primary_metric in SUCCESSES,
        "is_sequential": is_sequential(experiment),
        "zone": experiment.slot.site.time_zone,
        "days_in": experiment.zone_of_days.key,
        "day_begins": _day_begins(report),
        "fixed": [(report.arms[row.arm], row.fixed) for row in report.comparisons],
        "anytime": [(report.arms[row.arm], row.anytime) for row in report.comparisons],
        "unadjusted": [(report.arms[row.arm], row.unadjusted) for row in report.comparisons],
    }


def _first_context(full: FullReport, first: FirstScreen) -> dict[str, Any]:
    """Return the first screen, its wordings as drawn and its ticks with their marks."""
    experiment = full.report.experiment
    variants = {variant.arm: variant for variant in experiment.variants.all()}
    past_tests = reverse("admin:experiments_pasttest_changelist")
    return {
        "past_tests_url": f"{past_tests}?site__id__exact={experiment.slot.site_id}",
        "first": first,
        "next_steps": next_steps(full, first),
        "first_arms": [
            (card, draw(variants[card.arm.arm].cta, card.arm.text)) for card in first.arms
        ],
        "first_ticks": [(tick, MARKS[tick.level]) for tick in first.ticks],
    }


def _day_begins(report: Report) -> time | None:
    """Return the site's time at which the experiment's days begin, where it is not midnight."""
    zone = report.experiment.zone_of_days
    midnight = beginning_of(calendar_day(report.as_of, zone), zone)
    site = report.experiment.slot.site.zone
    is_midnight = midnight == beginning_of(calendar_day(midnight, site), site)
    return None if is_midnight else midnight.astimezone(site).time()


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
