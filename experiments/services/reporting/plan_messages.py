"""Sentences about a plan: a draft's visitors, the cap of values; in the active language."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from experiments.formatting import count, decimal, percent, signed_percent
from experiments.models import Experiment
from experiments.services.analysis.report import Report
from experiments.services.insights.plan_review import (
    LONGEST_WEEKS,
    PlanBasis,
    PlanReview,
    PlanWarning,
)
from experiments.services.rollups.value_cap import suggested_cap


def plan_warnings(review: PlanReview) -> tuple[str, ...]:
    """Return what speaks against the plan, each with its numbers; none if nothing does."""
    return tuple(SENTENCES[warning](review) for warning in review.warnings)


def basis_in_words(basis: PlanBasis) -> str:
    """Return where a planned number comes from."""
    return _(
        "%(visitors)s planned visitors, computed from this slot: in its last %(days)s days about"
        " %(rate)s visitors a day with a mean of %(base)s; enough to find a lift of %(target)s"
        " with %(arms)s arms and 80%% power."
    ) % {
        "visitors": count(basis.visitors),
        "days": count(basis.days),
        "rate": count(basis.visitors_per_day),
        "base": percent(basis.base) if basis.is_rate else decimal(basis.base, 3),
        "target": signed_percent(basis.target, 0),
        "arms": count(basis.n_arms),
    }


def cap_hint(draft: Experiment) -> str:
    """Return the cap that past values suggest; nothing where they suggest none."""
    suggested = suggested_cap(draft)
    if suggested is None:
        return ""
    return _(
        "Of the %(visitors)s visitors with a value in “%(experiment)s”, 99.9%% were worth at most"
        " %(cap)s."
    ) % {
        "visitors": count(suggested.visitors),
        "experiment": suggested.experiment,
        "cap": decimal(float(suggested.cap), 2),
    }


def cap_in_words(report: Report) -> str:
    """Return what the cap of an experiment's values does; nothing without one."""
    experiment = report.experiment
    if experiment.value_cap is None:
        return ""
    of_goal = next((row for row in report.currencies if row.goal == experiment.goal), None)
    names = list(of_goal.conversions) if of_goal else []
    currency = names[0] if len(names) == 1 else ""
    n = sum(arm.capped_visitors for arm in report.arms)
    cap = f"{decimal(float(experiment.value_cap), 2)} {currency}".strip()
    return ngettext(
        "Values of a visitor above %(cap)s count as %(cap)s: %(n)s visitor.",
        "Values of a visitor above %(cap)s count as %(cap)s: %(n)s visitors.",
        n,
    ) % {"cap": cap, "n": count(n)}


def _no_number(review: PlanReview) -> str:
    return _(
        "No number of visitors is planned, so the test is not tuned for any. This slot needs"
        " %(needed)s to find a lift of %(target)s."
    ) % _numbers(review)


def _too_large(review: PlanReview) -> str:
    return _(
        "%(planned)s planned visitors are %(times)s times as many as this slot needs to find a lift"
        " of %(target)s (%(needed)s). A sequential test that is planned too large finds its lift"
        " later; a fixed one ends later."
    ) % _numbers(review)


def _too_small(review: PlanReview) -> str:
    return _(
        "%(planned)s planned visitors find lifts from %(found)s on. To find %(target)s this slot"
        " needs %(needed)s."
    ) % _numbers(review)


def _too_long(review: PlanReview) -> str:
    return _(
        "At this slot's traffic (%(rate)s visitors a day) the plan takes %(weeks)s weeks, longer"
        " than %(longest)s: take fewer arms, more visitors or a metric with a higher rate."
    ) % _numbers(review)


# A warning without a sentence fails the test of this module.
SENTENCES: Mapping[PlanWarning, Callable[[PlanReview], str]] = {
    PlanWarning.NO_NUMBER: _no_number,
    PlanWarning.TOO_LARGE: _too_large,
    PlanWarning.TOO_SMALL: _too_small,
    PlanWarning.TOO_LONG: _too_long,
}


def _numbers(review: PlanReview) -> dict[str, str]:
    return {
        "planned": count(review.planned),
        "needed": count(review.needed),
        "times": count(round((review.planned or 0) / review.needed)),
        "target": signed_percent(review.target, 0),
        "found": signed_percent(review.lift_found),
        "rate": count(review.visitors_per_day),
        "weeks": count(review.weeks),
        "longest": count(LONGEST_WEEKS),
    }
