"""Pictures of a report: what each shows, the same in words, and its numbers as a table."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from experiments.event_schema.calendar_days import calendar_day
from experiments.formatting import (
    Count,
    attribute_name,
    rounded_lift,
    rounded_percent,
    segment_value,
)
from experiments.selectors.reports import traffic_changes_of
from experiments.services.analysis.report import Report
from experiments.services.documents.drawn.daily_pictures import (
    cumulative_rates,
    daily_rates,
    daily_visitors,
)
from experiments.services.documents.drawn.marked_days import marked
from experiments.services.documents.drawn.picture import (
    Picture,
    Unit,
    names_of_arms,
    untrusted_warning,
)
from experiments.services.documents.drawn.power_picture import power_reached
from experiments.services.documents.first_screen import featured_comparison
from experiments.services.insights.segments import AttributeResult
from experiments.services.pictures.days import Row
from experiments.services.reporting.full_report import FullReport
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.meta_analysis.segments import SegmentResult

LIFTS: dict[str, Unit] = {"low": "lift", "value": "lift", "high": "lift"}
# Points of a density's curve.
N_POINTS = 120


def report_pictures(full: FullReport) -> list[Picture]:
    """Return the pictures that have something to show, the lifts first."""
    pictures = (
        lift_forest(full.report),
        confidence_sequence(full),
        cumulative_rates(full.report),
        daily_rates(full.report),
        daily_visitors(full.report),
        posterior_densities(full),
        conversion_funnel(full.report),
        segment_forest(full),
        traffic_shares(full.report),
        power_reached(full),
    )
    names = names_of_arms(full.report)
    changes = tuple(traffic_changes_of(full.report.experiment))
    return [
        marked(_in_colours(picture, names), full, changes)
        for picture in pictures
        if picture is not None
    ]


def _in_colours(picture: Picture, names: Sequence[str]) -> Picture:
    """Return a picture in which each arm has the colour and dash that it has in all others."""
    if not any("series" in row for row in picture.rows):
        return picture
    return replace(picture, options={**picture.options, "everyone": list(names)})


def lift_forest(report: Report) -> Picture | None:
    """Return the lifts of the arms with the intervals that the verdict rests on."""
    names = names_of_arms(report)
    rows = []
    for row in report.comparisons:
        comparison = row.decisive.comparison
        low, high = comparison.lift_interval or (None, None)
        rows.append(_interval(names[row.arm], low, comparison.lift, high))
    known = [row for row in rows if row["value"] is not None]
    if not known:
        return None
    return Picture(
        name="lifts",
        kind="forest",
        title=_("Lift of each wording against the control"),
        words=_highest(known),
        options={"title": _("Lift")},
        rows=rows,
        columns=_interval_columns(_("Wording")),
        units=LIFTS,
    )


def confidence_sequence(full: FullReport) -> Picture | None:
    """Return the lifts day by day, as they could be read at every look.

    Untrusted data prove nothing on any day.
    """
    report, names = full.report, names_of_arms(full.report)
    rows = [
        {"day": one.day.isoformat(), "series": names[row.arm], "low": one.low}
        | {"value": one.lift, "high": one.high}
        for row in report.comparisons
        for one in row.sequence
        if one.lift is not None
    ]
    if len({row["day"] for row in rows}) < 2:
        return None
    crossings = [
        (names[row.arm], row.proven.day)
        for row in report.comparisons
        if row.proven and full.is_trusted
    ]
    marks = [
        {"day": day.isoformat(), "text": _("proven: %(name)s") % {"name": name}}
        for name, day in crossings
    ]
    said = _("No interval has left zero yet.") if full.is_trusted else untrusted_warning()
    if crossings:
        name, day = crossings[0]
        said = _("“%(name)s” was first proven different on %(day)s.") % {
            "name": name,
            "day": date_format(day, "DATE_FORMAT"),
        }
    return Picture(
        name="sequence",
        kind="bands",
        title=_("Lift day by day, with intervals that hold at every look"),
        words=said,
        options={"title": _("Lift"), "marks": marks},
        rows=rows,
        columns=(("day", _("Day")), ("series", _("Wording")), *_interval_columns("")[1:]),
        units=LIFTS,
    )


def posterior_densities(full: FullReport) -> Picture | None:
    """Return the beliefs about the rates under a flat prior, where its chances are shown."""
    report = full.report
    if report.strata.has_changed_shares or not any(row.against_control for row in full.posteriors):
        return None
    names = names_of_arms(report)
    rows = _density_rows(report, names)
    best = max(full.posteriors, key=lambda row: row.chance_of_best or 0.0)
    return Picture(
        name="posteriors",
        kind="densities",
        title=_("What the rates may be (flat prior)"),
        words=_("“%(name)s” is the best with a chance of %(chance)s.")
        % {"name": names[best.arm.arm], "chance": rounded_percent(best.chance_of_best)},
        options={"title": str(report.experiment.get_primary_metric_display())},
        rows=rows,
        columns=(("x", _("Rate")), ("series", _("Wording")), ("value", _("Relative density"))),
        units={"x": "rate"},
    )


def conversion_funnel(report: Report) -> Picture | None:
    """Return which part of the visitors clicked, and reached the goal."""
    if not all(arm.visitors for arm in report.arms) or not report.arms:
        return None
    names = names_of_arms(report)
    steps = [(_("Saw it"), "visitors"), (_("Clicked"), "clicks")]
    if report.experiment.goal:
        steps.append((_("Converted"), "conversions"))
    rows = [
        {
            "step": step,
            "series": names[arm.arm],
            "value": getattr(arm, field) / arm.visitors,
            "text": rounded_percent(getattr(arm, field) / arm.visitors),
            "n": getattr(arm, field),
        }
        for step, field in steps
        for arm in report.arms
    ]
    last = [row for row in rows if row["step"] == steps[-1][0]]
    said = ", ".join(
        _("“%(name)s”: %(rate)s") % {"name": row["series"], "rate": row["text"]} for row in last
    )
    return Picture(
        name="funnel",
        kind="funnel",
        title=_("From seeing to acting"),
        words=_("%(label)s: %(value)s") % {"label": steps[-1][0], "value": f"{said}."},
        options={"title": _("Part of the visitors")},
        rows=rows,
        columns=(
            ("step", _("Stage")),
            ("series", _("Wording")),
            ("n", _("Visitors")),
            ("value", _("Part of the visitors")),
        ),
        units={"value": "rate"},
    )


def segment_forest(full: FullReport) -> Picture | None:
    """Return the lifts of the first screen's arm in the segments."""
    featured = featured_comparison(full)
    if featured is None or full.insights is None:
        return None
    tables = [row for row in full.insights.segments if row.arm == featured.arm]
    rows = [
        _interval(
            _name_of_segment(row, one),
            *((one.interval or (None, None))[0], one.effect, (one.interval or (None, None))[1]),
        )
        for row in tables
        for one in row.result.segments
        if one.effect is not None
    ]
    if not rows:
        return None
    name = names_of_arms(full.report)[featured.arm]
    return Picture(
        name="segments",
        kind="forest",
        title=_("Lift of “%(name)s” by segment") % {"name": name},
        words=_segments_in_words(tables, alpha=full.report.experiment.alpha),
        options={"title": _("Lift")},
        rows=rows,
        columns=_interval_columns(_("Segment")),
        units=LIFTS,
    )


def _name_of_segment(row: AttributeResult, one: SegmentResult) -> str:
    return f"{attribute_name(row.attribute)} · {segment_value(one.name, row.attribute)}"


def _segments_in_words(tables: Sequence[AttributeResult], *, alpha: float) -> str:
    """Return how many segments were looked at, and which are proven to differ: none by luck."""
    n = sum(one.effect is not None for row in tables for one in row.result.segments)
    looked = ngettext("%(n)s segment looked at.", "%(n)s segments looked at.", n) % {"n": Count(n)}
    results = [row.result for row in tables]
    if not any(result.interaction for result in results):
        nothing = _("Fewer than two segments have a lift, so there is nothing to compare.")
        return f"{looked} {nothing}"
    differing = [row for row in tables if row.result.interaction and row.result.interaction.differs]
    if not differing:
        none = _("No difference between segments is proven: the result for all applies to each.")
        return f"{looked} {none}"
    names = ", ".join(attribute_name(row.attribute) for row in differing)
    proven = [
        _("“%(name)s”: %(rate)s")
        % {"name": _name_of_segment(row, one), "rate": rounded_lift(one.effect)}
        for row in differing
        for one in row.result.segments
        if one.p_value_adjusted is not None and one.p_value_adjusted <= alpha
    ]
    sentences = [looked, _("The lift is proven to differ by: %(names)s.") % {"names": names}]
    if proven:
        said = _("Proven different from the control: %(segments)s.")
        sentences.append(said % {"segments": ", ".join(proven)})
    return " ".join(sentences)


def traffic_shares(report: Report) -> Picture | None:
    """Return the shares of the arms over time; None where they never changed."""
    phases = list(report.experiment.phases.all())
    if len(phases) < 2:
        return None
    names, zone = names_of_arms(report), report.experiment.zone_of_days
    end = calendar_day(report.experiment.stopped_at or report.as_of, zone) + timedelta(days=1)
    spans = [(calendar_day(phase.started_at, zone), phase.shares) for phase in phases]
    # Of several phases of a day the last one is drawn: the axis has whole days.
    kept = dict([*spans, (end, phases[-1].shares)])
    rows = [
        {"day": day.isoformat(), "series": names[arm.arm], "value": float(shares[arm.arm])}
        for day, shares in kept.items()
        for arm in report.arms
    ]
    return Picture(
        name="shares",
        kind="stacked_shares",
        title=_("Shares of the traffic over time"),
        words=_("%(n)s phases; now %(shares)s.")
        % {
            "n": len(phases),
            "shares": ", ".join(
                f"{names[arm.arm]} {rounded_percent(float(phases[-1].shares[arm.arm]))}"
                for arm in report.arms
            ),
        },
        options={"title": _("Share")},
        rows=rows,
        columns=(("day", _("Day")), ("series", _("Wording")), ("value", _("Share"))),
        units={"value": "rate"},
    )


def _density_rows(report: Report, names: Sequence[str]) -> list[Row]:
    """Return the curves, each scaled to a height of 1, over four deviations of every arm."""
    curves = [beta_posterior(clicks=arm.successes or 0, n=arm.visitors) for arm in report.arms]
    a = np.array([curve.a for curve in curves])[:, None]
    b = np.array([curve.b for curve in curves])[:, None]
    mean, deviation = a / (a + b), np.sqrt(a * b / (a + b + 1)) / (a + b)
    low, high = (mean - 4 * deviation).min(), (mean + 4 * deviation).max()
    grid = np.linspace(max(low, 1e-9), min(high, 1 - 1e-9), N_POINTS)
    logs = (a - 1) * np.log(grid) + (b - 1) * np.log1p(-grid)
    density = np.exp(logs - logs.max(axis=1, keepdims=True))
    return [
        {"x": float(x), "series": name, "value": float(value)}
        for name, curve in zip(names, density, strict=True)
        for x, value in zip(grid, curve, strict=True)
    ]


def _interval(name: str, low: float | None, value: float | None, high: float | None) -> Row:
    return {"name": name, "low": low, "value": value, "high": high}


def _interval_columns(first: str) -> tuple[tuple[str, str], ...]:
    return ("name", first), ("low", _("Low end")), ("value", _("Lift")), ("high", _("High end"))


def _highest(rows: Sequence[Row]) -> str:
    """Return the highest lift in words, and that it is none where all are losses."""
    best = max(rows, key=lambda row: row["value"])
    text = (
        _("The highest lift is that of “%(name)s”: %(lift)s, from %(low)s to %(high)s.")
        if best["value"] >= 0
        else _("All lifts are negative; the highest is “%(name)s”: %(lift)s, %(low)s to %(high)s.")
    )
    return text % {
        "name": best["name"],
        "lift": rounded_lift(best["value"]),
        "low": rounded_lift(best["low"]),
        "high": rounded_lift(best["high"]),
    }
