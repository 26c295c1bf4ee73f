"""Picture of the power reached: the chance, day by day, to find the lift that the plan is made for.

It is the power of the *planned* smallest lift with the visitors so far; the power of the measured
lift would only be its p-value in other words.
"""

import math
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from scipy.special import ndtr, ndtri

from experiments.event_schema.calendar_days import calendar_day
from experiments.formatting import rounded_lift, rounded_percent
from experiments.services.analysis.comparisons import is_sequential, schedule_of
from experiments.services.analysis.report import Report
from experiments.services.documents.drawn.picture import (
    Picture,
    names_of_arms,
    untrusted_warning,
)
from experiments.services.insights.lift_estimates import LiftEstimate, estimates_of
from experiments.services.insights.plan_review import PlanBasis, plan_basis
from experiments.services.insights.sample_size import POWER
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.full_report import FullReport
from experiments.stats.estimation.contrasts import pair_information
from experiments.stats.estimation.sufficient_statistics import FloatArray, Proportion
from experiments.stats.sequential.comparison import EXACT_RESERVE
from experiments.stats.sequential.plan_boundary import Stage, plan_multiplier, stages_of
from experiments.stats.sequential.stopping_probabilities import crossing_probabilities
from experiments.stats.sequential.visitor_clock import visitor_time

# Looks that are reckoned with: fewer than there were err on the safe side, and hardly.
MOST_LOOKS = 56
# Time, of the plan or of what is done if that is more, between two looks. Looks at every time
# instead lower the boundary by 0.58 sqrt(step) of B (Siegmund 1985), here 0.02 of some 3: below
# half a point of power. The quadrature needs nodes in proportion to 1 / sqrt(step).
LEAST_STEP = 1e-3
# A planned end is marked if it is at most so many times the days shown away, or so many days.
FARTHEST_END, NEAR_END = 3, 90

Curve = dict[date, float]
# True of the days that are meant.
Days = npt.NDArray[np.bool_]


def power_reached(full: FullReport) -> Picture | None:
    """Return the power by day; None where the plan allows none (`why_no_power`)."""
    report = full.report
    found = _noisiest(report)
    basis = plan_basis(report.experiment)
    if found is None or basis is None or is_aa_test(report.experiment) or why_no_power(report):
        return None
    arm, estimate = found
    curve = _curve(report, arm, estimate, target=basis.target)
    if not curve:
        return None
    values = _values(report, basis, arm, curve)
    end = planned_end(report, basis)
    is_near = end is not None and _is_near(end, curve)
    return Picture(
        name="power",
        kind="lines",
        title=_("Power reached for the planned smallest lift, %(lift)s") % values,
        words=_words(values, None if is_near else end) if full.is_trusted else untrusted_warning(),
        options={
            "title": _("Chance to find it"),
            "marks": [{"day": end.isoformat(), "text": _("planned end")}]
            if end and is_near
            else [],
            "level": {"at": POWER, "text": _("planned: %(planned)s") % values},
        },
        rows=[
            {"day": day.isoformat(), "series": values["name"], "value": value}
            for day, value in curve.items()
        ],
        columns=(
            ("day", _("Day")),
            ("series", _("Wording")),
            ("value", _("Chance to find %(lift)s") % values),
        ),
        units={"value": "rate"},
    )


def _values(report: Report, basis: PlanBasis, arm: int, curve: Curve) -> dict[str, str]:
    """Return the figures that words and titles name."""
    last = max(curve)
    return {
        "power": rounded_percent(curve[last]),
        "lift": rounded_lift(basis.target),
        "planned": rounded_percent(POWER),
        "name": names_of_arms(report)[arm],
        "day": date_format(last, "DATE_FORMAT"),
    }


def _words(values: dict[str, str], far_end: date | None) -> str:
    """Return the picture in words, with a planned end that is too far away to be drawn."""
    words = _(
        "With the visitors until %(day)s, a true lift of %(lift)s of “%(name)s” had a chance of "
        "%(power)s to be found; the plan is made for %(planned)s. This power does not depend on "
        "the measured lift, and says nothing about it."
    )
    if far_end is None:
        return words % values
    end = _("The planned end, %(end)s, is too far away to be drawn.")
    return f"{words % values} {end % {'end': date_format(far_end, 'DATE_FORMAT')}}"


def _is_near(end: date, curve: Curve) -> bool:
    """Return whether a picture with this end still shows the days there are."""
    shown = (max(curve) - min(curve)).days + 1
    return (end - max(curve)).days <= max(FARTHEST_END * shown, NEAR_END)


def why_no_power(report: Report) -> str:
    """Return why a test with visitors has no power reached; empty where it has, or needs none."""
    if not report.comparisons or is_aa_test(report.experiment):
        return ""
    if plan_basis(report.experiment) is None:
        return _(
            "The power reached is not drawn: the plan of this test names no smallest lift that is "
            "worth finding."
        )
    if report.strata.has_changed_shares:
        return _(
            "The power reached is not drawn: the shares of the traffic changed, which the plan had "
            "not foreseen."
        )
    if _noisiest(report) is None:
        return _("The power reached is not drawn: no lift can be computed yet.")
    return ""


def planned_end(report: Report, basis: PlanBasis) -> date | None:
    """Return the day on which the planned visitors were in, or are due by the plan."""
    experiment, daily = report.experiment, report.daily
    schedule = schedule_of(experiment, daily, report.strata, report.as_of)
    reached = daily.first_day_with(schedule.planned_visitors, among=schedule.is_scheduled)
    if reached is not None:
        return daily.days[reached]
    zone = experiment.zone_of_days
    if experiment.ends_at is not None:
        return calendar_day(experiment.ends_at, zone)
    if experiment.started_at is None or not basis.visitors_per_day:
        return None
    start, days = calendar_day(experiment.started_at, zone), basis.visitors / basis.visitors_per_day
    # A test that never ends has no end to mark.
    return start + timedelta(days=math.ceil(days) - 1) if days < (date.max - start).days else None


def _noisiest(report: Report) -> tuple[int, LiftEstimate] | None:
    """Return the comparison that is decided last, as the plan reckons with it."""
    pairs = zip(report.comparisons, estimates_of(report), strict=True)
    known = [(row.arm, one) for row, one in pairs if one is not None]
    return max(known, key=lambda pair: pair[1].effect_se, default=None)


def _curve(report: Report, arm: int, estimate: LiftEstimate, *, target: float) -> Curve:
    """Return the power until each whole day on which visitors came."""
    days, visitors = _visitors_until(report)
    is_growing = np.diff(pair_information(visitors[:, 0], visitors[:, arm]), prepend=0.0) > 0
    if not is_growing.any():
        return {}
    effect = target * estimate.base
    # Found is what is proven in the direction of the plan.
    expected = abs(effect) / _errors(report, estimate, visitors[:, [0, arm]], effect=effect)
    level = report.experiment.alpha / len(report.comparisons)
    if is_sequential(report.experiment):
        is_kept, powers = _at_all_looks(report, expected, is_growing, level=level, arm=arm)
    else:
        is_kept = is_growing
        powers = ndtr(expected[is_kept] + ndtri(level / 2))
    shown = [day for day, is_shown in zip(days, is_kept, strict=True) if is_shown]
    return dict(zip(shown, powers.tolist(), strict=True))


def _errors(
    report: Report, estimate: LiftEstimate, visitors: FloatArray, *, effect: float
) -> FloatArray:
    """Return the standard error of the effect with the visitors until each day.

    That of a rate is the one of two binomial arms that differ by the planned lift, as in
    `stats.planning.sample_size`; other metrics have the spread that was measured so far.
    """
    n = np.maximum(visitors, 1)
    base, statistics = estimate.base, report.statistics
    is_plain_rate = isinstance(statistics, Proportion) and not statistics.has_covariate
    if is_plain_rate and 0 < base < base + effect < 1:
        rates = np.array([base, base + effect])
        return np.asarray(np.sqrt((rates * (1 - rates) / n).sum(axis=-1)))
    information = pair_information(n[:, 0], n[:, 1])
    return np.asarray(estimate.effect_se * np.sqrt(information[-1] / information))


def _at_all_looks(
    report: Report, expected: FloatArray, is_growing: Days, *, level: float, arm: int
) -> tuple[Days, FloatArray]:
    """Return which days were looked at, and the chance that any look until then proves it.

    Args:
        report: Report of a sequential plan.
        expected: Expected z at the end of each day, shape `(D,)`.
        is_growing: True of days that brought visitors, shape `(D,)`.
        level: Error rate of the comparison.
        arm: Its arm.
    """
    experiment = report.experiment
    schedule = schedule_of(experiment, report.daily, report.strata, report.as_of)
    visitors = _visitors_until(report)[1][:, None, :]
    time = visitor_time(visitors, schedule.shares, schedule.planned_visitors)[:, arm - 1]
    stages = stages_of(time, schedule.is_scheduled)
    is_look = is_growing & schedule.is_scheduled & (np.diff(time, prepend=0.0) > 0)
    is_kept = looks_that_count(time, is_look, is_end=stages == Stage.END)
    if not is_kept.any():
        return is_kept, np.zeros(0)
    last = int(np.flatnonzero(is_kept)[-1])
    criticals = plan_multiplier(
        time[is_kept],
        level=level,
        alpha=experiment.alpha,
        stage=stages[is_kept],
        reserve=EXACT_RESERVE if isinstance(report.statistics, Proportion) else 0.0,
    )
    drift = float(expected[last] / math.sqrt(time[last]))
    return is_kept, crossing_probabilities(criticals, time[is_kept], drift=drift).upper


def looks_that_count(time: FloatArray, is_look: Days, *, is_end: Days) -> Days:
    """Return the looks that are reckoned with: few, apart, and with the plan's end and the last.

    Args:
        time: Part of the plan that is done at the end of each day, not decreasing, shape `(D,)`.
        is_look: True of days that brought visitors, shape `(D,)`.
        is_end: True of the plan's end, which has a part of alpha of its own, shape `(D,)`.
    """
    places = _apart(time, is_look | is_end, is_end)
    if len(places) > MOST_LOOKS:
        picked = places[np.linspace(0, len(places) - 1, MOST_LOOKS).round().astype(int)]
        for end in np.setdiff1d(places[is_end[places]], picked):
            picked[1 + np.abs(picked[1:-1] - end).argmin()] = end
        places = picked
    is_kept = np.zeros(len(time), dtype=bool)
    is_kept[places] = True
    return is_kept


def _apart(time: FloatArray, is_look: Days, is_end: Days) -> npt.NDArray[np.intp]:
    """Return the places of looks a step apart; the last, or the plan's end, replaces one before."""
    places: list[int] = []
    candidates = np.flatnonzero(is_look).tolist()
    for place in candidates:
        least = LEAST_STEP * max(float(time[place]), 1.0)
        if is_end[place] or place == candidates[-1]:
            while places and not is_end[places[-1]] and time[place] - time[places[-1]] < least:
                places.pop()
        if not places or time[place] - time[places[-1]] >= least:
            places.append(place)
    return np.array(places, dtype=np.intp)


def _visitors_until(report: Report) -> tuple[tuple[date, ...], FloatArray]:
    """Return the days that are read, and the visitors of the arms until each, shape `(D, K)`."""
    daily, until = report.daily, report.plan.read_until if report.plan else None
    visitors = np.zeros((daily.shape[0], daily.shape[2]))
    for (day, _stratum, arm), cell in daily.cells.items():
        visitors[day, arm] += cell.visitors
    n = sum(until is None or day <= until for day in daily.days)
    return daily.days[:n], visitors.cumsum(axis=0)[:n]
