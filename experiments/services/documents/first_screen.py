"""First screen of a report: what won, by how much, how sure, in figures rounded for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.formatting import (
    decimal,
    p_value,
    percent,
    rounded,
    rounded_lift,
    rounded_p,
    rounded_percent,
    signed_interval,
    signed_percent,
    threshold,
)
from experiments.models import Experiment
from experiments.services.analysis.comparisons import (
    VALID_AT_EVERY_LOOK,
    ComparisonResult,
)
from experiments.services.analysis.metric_statistics import SUCCESSES
from experiments.services.analysis.report import ArmResult, Report
from experiments.services.documents.health_ticks import Tick, health_ticks, is_clean
from experiments.services.reporting import gains
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.end_of_test import runner_up
from experiments.services.reporting.full_report import FullReport
from ml import predict

Metric = Experiment.Metric
Interval = tuple[float, float]
# What a thousand visitors, or clicks, bring more; `amount` is a number or a sum of money.
PER_THOUSAND = {
    Metric.CLICK_RATE: gettext_lazy("%(amount)s clicks per 1,000 visitors"),
    Metric.CONVERSION_RATE: gettext_lazy("%(amount)s conversions per 1,000 visitors"),
    Metric.CONVERSIONS_PER_VISITOR: gettext_lazy("%(amount)s conversions per 1,000 visitors"),
    Metric.VALUE_PER_VISITOR: gettext_lazy("%(amount)s in value per 1,000 visitors"),
    Metric.VALUE_PER_CLICK: gettext_lazy("%(amount)s in value per 1,000 clicks"),
}
PER_MONTH = {
    Metric.CLICK_RATE: gettext_lazy("%(amount)s clicks a month"),
    Metric.CONVERSION_RATE: gettext_lazy("%(amount)s conversions a month"),
    Metric.CONVERSIONS_PER_VISITOR: gettext_lazy("%(amount)s conversions a month"),
    Metric.VALUE_PER_VISITOR: gettext_lazy("%(amount)s in value a month"),
    Metric.VALUE_PER_CLICK: gettext_lazy("%(amount)s in value a month"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number as people read it, and with all its digits."""

    text: str
    exact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCard:
    """One wording with its rate; `is_featured` is the one that the figures are about.

    `principles` are those that its words show, by key and name, without those of all wordings:
    what it counts as in the learnings.
    """

    arm: ArmResult
    rate: Figure
    is_featured: bool
    principles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Gain of an arm over the control: an amount, and the ends of its interval."""

    amount: Figure
    interval: Figure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """The decision at a glance; without a comparison only wordings and ticks are there.

    `is_proven` is None where nothing can be said: no comparison, or data not to be trusted. Of
    such data the lift is what was counted, and neither gains nor a p-value are there. `expected`
    is the lift corrected for having won.
    """

    arms: tuple[ArmCard, ...]
    featured: ArmResult | None
    sentence: str
    is_trusted: bool
    lift: Figure | None
    lift_interval: Figure | None
    expected: Figure | None
    per_thousand: Gain | None
    per_month: Gain | None
    traffic: Figure | None
    p_value: Figure | None
    is_proven: bool | None
    how_sure: str
    ticks: tuple[Tick, ...]
    is_clean: bool


def first_screen(full: FullReport) -> FirstScreen:
    """Return the figures of the first screen, in the active language."""
    report = full.report
    row = featured_comparison(full)
    comparison = row.decisive.comparison if row else None
    ticks = health_ticks(full)
    per_day = gains.units_per_day(report)
    is_trusted = full.is_trusted
    gained = gains.gains_of(report, comparison) if comparison and is_trusted else None
    adjusted = row.decisive.p_value_adjusted if row and is_trusted else None
    is_proven = _is_proven(full, row, adjusted)
    return FirstScreen(
        arms=_cards(report, row),
        featured=report.arms[row.arm] if row else None,
        sentence=_sentence(report, row),
        is_trusted=is_trusted,
        lift=_lift(comparison.lift) if comparison and comparison.lift is not None else None,
        lift_interval=_lift_interval(comparison.lift_interval) if comparison else None,
        expected=_expected(full, row) if is_trusted else None,
        per_thousand=_gain(report, gained.per_thousand, PER_THOUSAND) if gained else None,
        per_month=_gain(report, gained.per_month, PER_MONTH) if gained else None,
        traffic=Figure(text=rounded(per_day), exact=decimal(per_day, 1)) if per_day else None,
        p_value=None
        if adjusted is None
        else Figure(text=rounded_p(adjusted), exact=p_value(adjusted)),
        is_proven=is_proven,
        how_sure=_how_sure(report, row, adjusted, is_proven=is_proven),
        ticks=ticks,
        is_clean=is_clean(ticks),
    )


def featured_comparison(full: FullReport) -> ComparisonResult | None:
    """Return the comparison that the first screen is about: of the winner, or of the best arm.

    None of an A/A test: no arm of it is better.
    """
    if is_aa_test(full.report.experiment):
        return None
    rows = {row.arm: row for row in full.report.comparisons}
    winner = full.decision.winner if full.decision else None
    best = winner if winner is not None else runner_up(full.report, kept=0)
    return rows.get(best) if best is not None else next(iter(rows.values()), None)


def rate_figure(report: Report, rate: float | None) -> Figure:
    """Return an arm's value of the primary metric."""
    if report.experiment.primary_metric in SUCCESSES:
        return Figure(text=rounded_percent(rate), exact=percent(rate, 3))
    if rate is None:
        return Figure(text=rounded(None), exact=rounded(None))
    amount = rate if report.experiment.primary_metric not in Experiment.METRICS_OF_VALUES else None
    text = rounded(amount) if amount is not None else money(report, rate, signed=False)
    return Figure(text=text, exact=decimal(rate, 4))


def money(report: Report, amount: float, *, signed: bool = True) -> str:
    """Return a sum in the currency of the values, if it is known."""
    goal = report.experiment.goal
    named = [code for row in report.currencies if row.goal == goal for code in row.conversions]
    currency = named[0] if len(named) == 1 else ""
    return f"{rounded(amount, signed=signed)} {currency}".strip()


def _lift(lift: float) -> Figure:
    return Figure(text=rounded_lift(lift), exact=signed_percent(lift, 3))


def _lift_interval(ends: Interval | None) -> Figure | None:
    if ends is None:
        return None
    return Figure(text=_range(ends, rounded_lift), exact=signed_interval(ends))


def _range(ends: Interval, write: Callable[[float], str]) -> str:
    low, high = (write(end) for end in ends)
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def _gain(
    report: Report, gain: gains.Gain | None, words: Mapping[Metric, str | Promise]
) -> Gain | None:
    """Return a gain over the control in words."""
    if gain is None:
        return None
    metric = Metric(report.experiment.primary_metric)

    def write(amount: float) -> str:
        is_value = metric in Experiment.METRICS_OF_VALUES
        return money(report, amount) if is_value else rounded(amount, signed=True)

    amount = Figure(
        text=str(words[metric]) % {"amount": write(gain.amount)}, exact=decimal(gain.amount, 4)
    )
    if gain.interval is None:
        return Gain(amount=amount, interval=None)
    low, high = gain.interval
    exact = _("%(low)s to %(high)s") % {"low": decimal_or_sign(low), "high": decimal_or_sign(high)}
    return Gain(amount=amount, interval=Figure(text=_range((low, high), write), exact=exact))


def decimal_or_sign(value: float) -> str:
    """Return four digits after the point; an open end as infinity."""
    return rounded(value) if value in (float("inf"), float("-inf")) else decimal(value, 4)


def _sentence(report: Report, row: ComparisonResult | None) -> str:
    """Return the finding in one sentence, without the rates where these would mislead."""
    if row is None or row.decisive.comparison.lift is None:
        return ""
    arm, control = report.arms[row.arm], report.arms[0]
    values = {
        "metric": report.experiment.get_primary_metric_display(),
        "name": arm.text,
        "control": control.text,
        "value": rate_figure(report, arm.rate).text,
        "base": rate_figure(report, control.rate).text,
        "lift": rounded_lift(row.decisive.comparison.lift),
    }
    if report.strata.has_changed_shares or report.adjustment is not None:
        return _("%(metric)s of “%(name)s”: %(lift)s compared with “%(control)s”.") % values
    text = _("%(metric)s of “%(name)s”: %(value)s, against %(base)s of “%(control)s”.")
    return text % values


def _cards(report: Report, row: ComparisonResult | None) -> tuple[ArmCard, ...]:
    locale, names = report.experiment.slot.site.default_locale, predict.trait_names()
    used = [predict.principles_of(arm.text, locale=locale) for arm in report.arms]
    # A principle of all wordings tells none from another.
    common = set.intersection(*map(set, used)) if len(used) > 1 else set()
    return tuple(
        ArmCard(
            arm=arm,
            rate=rate_figure(report, arm.rate),
            is_featured=row is not None and arm.arm == row.arm,
            principles=tuple((one, names[one]) for one in own if one not in common),
        )
        for arm, own in zip(report.arms, used, strict=True)
    )


def _expected(full: FullReport, row: ComparisonResult | None) -> Figure | None:
    """Return the corrected lift of an arm that is proven better."""
    if row is None or full.decision is None or full.decision.winner != row.arm:
        return None
    lifts = full.insights.lifts if full.insights else ()
    corrected = (one.expected.estimate for one in lifts if one.arm == row.arm and one.expected)
    lift = next(corrected, None)
    return None if lift is None else _lift(lift)


def _is_proven(
    full: FullReport, row: ComparisonResult | None, adjusted: float | None
) -> bool | None:
    if row is None or adjusted is None:
        return None
    if row.anytime is not None:
        return row.proven is not None
    experiment, plan = full.report.experiment, full.report.plan
    is_over = plan is None or plan.is_over or experiment.stopped_at is not None
    return is_over and adjusted <= experiment.alpha


def _how_sure(
    report: Report,
    row: ComparisonResult | None,
    adjusted: float | None,
    *,
    is_proven: bool | None,
) -> str:
    if row is None or adjusted is None:
        return ""
    share = _("fewer than 0.01%%") % {} if adjusted < 1e-4 else rounded_percent(adjusted)
    text = (
        _(
            "If the wordings were equally good, %(share)s of tests would show a difference as "
            "large as this, at any look."
        )
        if row.valid == VALID_AT_EVERY_LOOK
        else _(
            "If the wordings were equally good, %(share)s of tests would show a difference as "
            "large as this at the one planned look."
        )
    ) % {"share": share}
    if is_proven is False:
        limit = threshold(report.experiment.alpha)
        text += " " + _("It counts as proven from p = %(limit)s downwards.") % {"limit": limit}
    return text
