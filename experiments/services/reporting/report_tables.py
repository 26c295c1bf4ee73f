"""A full report as tables for spreadsheets: the numbers of the page and of the JSON."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from experiments.code_version import report_code
from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.formatting import attribute_name, segment_value
from experiments.services.analysis.comparisons import (
    VALID_AT_EVERY_LOOK,
    ComparisonResult,
    Reading,
)
from experiments.services.analysis.metric_statistics import SUCCESSES
from experiments.services.analysis.report import ArmResult, Report
from experiments.services.exploration.chosen_comparison import ChosenComparison
from experiments.services.reporting.full_report import FullReport
from experiments.services.reporting.gains import PER_CLICK, gains_of
from experiments.services.reporting.statistics_messages import in_words
from experiments.services.rollups.arm_totals import totals_by_phase
from experiments.stats.decision.arm_status import GuardrailState
from tables.writing import Column, Kind, Value, WrittenTable

Interval = tuple[float, float] | None


def report_tables(
    full: FullReport, chosen: ChosenComparison | None = None
) -> tuple[WrittenTable, ...]:
    """Return the tables of a report, the arms first; some may be without rows."""
    return (
        _arms(full),
        _facts(full),
        _guardrails(full),
        _secondary(full),
        _segments(full),
        _days(full.report),
        _phases(full.report),
        view_table(chosen),
        _comparisons(full.report),
    )


def _arms(full: FullReport) -> WrittenTable:
    report = full.report
    value_kind: Kind = "fraction" if report.experiment.primary_metric in SUCCESSES else "number"
    columns = (
        *_arm_columns(),
        _column("share", _("Share"), "fraction"),
        _column("visitors", _("Visitors"), "count"),
        _column("clicks", _("Clicks"), "count"),
        _column("conversions", _("Conversions"), "count"),
        _column("all_clicks", _("All clicks"), "count"),
        _column("all_conversions", _("All conversions"), "count"),
        _column("rate", str(report.experiment.get_primary_metric_display()), value_kind),
        *_ends("rate", _("Rate"), "fraction"),
        _column("effect", _("Difference"), value_kind),
        *_ends("effect", _("Difference"), value_kind),
        _column("lift", _("Lift"), "fraction"),
        *_ends("lift", _("Lift"), "fraction"),
        _column("p_value", _("p-value"), "number"),
        _column("p_value_adjusted", _("Adjusted p-value"), "number"),
        _column("valid", _("Valid")),
        _column("proven_on", _("Proven on"), "day"),
        _column("reason", _("Remark")),
        *_gain_columns(report),
        _column("chance_of_best", _("Chance to be the best"), "fraction"),
    )
    chances = {belief.arm.arm: belief.chance_of_best for belief in full.posteriors}
    compared = {row.arm: row for row in report.comparisons}
    rows = [
        (
            *(arm.key, arm.text, arm.share, arm.visitors, arm.clicks, arm.conversions),
            *(arm.all_clicks, arm.all_conversions, arm.rate, *_pair(arm.interval)),
            *_compared(compared.get(arm.arm)),
            *_gained(report, compared.get(arm.arm)),
            chances.get(arm.arm),
        )
        for arm in report.arms
    ]
    return WrittenTable(key="arms", title=_("Arms"), columns=columns, rows=rows)


def _compared(row: ComparisonResult | None) -> tuple[Value, ...]:
    """Return the cells of a comparison: those of the reading on which the verdict rests."""
    if row is None:
        return (None,) * 11
    is_anytime = row.valid == VALID_AT_EVERY_LOOK
    valid = _("at every look") if is_anytime else _("at one planned look")
    comparison = row.decisive.comparison
    reasons = dict.fromkeys(filter(None, (comparison.reason, comparison.lift_reason)))
    return (
        *_reading(row.decisive),
        valid,
        row.proven.day if row.proven else None,
        " ".join(str(in_words(reason)) for reason in reasons) or None,
    )


def _gain_columns(report: Report) -> tuple[Column, ...]:
    is_of_clicks = report.experiment.primary_metric in PER_CLICK
    title = _("Gain per 1,000 clicks") if is_of_clicks else _("Gain per 1,000 visitors")
    return (
        _column("gain_per_thousand", title, "number"),
        *_ends("gain_per_thousand", title, "number"),
        _column("gain_per_month", _("Gain a month"), "number"),
        *_ends("gain_per_month", _("Gain a month"), "number"),
    )


def _gained(report: Report, row: ComparisonResult | None) -> tuple[float | None, ...]:
    """Return the cells of the gains, of the reading on which the verdict rests."""
    gains = gains_of(report, row.decisive.comparison) if row else None
    parts = (gains.per_thousand, gains.per_month) if gains else (None, None)
    return tuple(
        cell
        for gain in parts
        for cell in ((gain.amount, *_pair(gain.interval)) if gain else (None,) * 3)
    )


def _comparisons(report: Report) -> WrittenTable:
    """Return every reading of every arm: at every look, for one look, and without CUPED."""
    kind: Kind = "fraction" if report.experiment.primary_metric in SUCCESSES else "number"
    columns = (
        *_arm_columns(),
        _column("reading", _("Reading")),
        _column("effect", _("Difference"), kind),
        *_ends("effect", _("Difference"), kind),
        _column("lift", _("Lift"), "fraction"),
        *_ends("lift", _("Lift"), "fraction"),
        _column("p_value", _("p-value"), "number"),
        _column("p_value_adjusted", _("Adjusted p-value"), "number"),
    )
    rows = [
        (*_named(report.arms[row.arm]), name, *_reading(reading))
        for row in report.comparisons
        for name, reading in (
            (_("at every look"), row.anytime),
            (_("at one planned look"), row.fixed),
            (_("Without the adjustment"), row.unadjusted),
        )
        if reading is not None
    ]
    return WrittenTable(key="comparisons", title=_("Readings"), columns=columns, rows=rows)


def _reading(reading: Reading) -> tuple[float | None, ...]:
    comparison = reading.comparison
    return (
        comparison.effect,
        *_pair(comparison.effect_interval),
        comparison.lift,
        *_pair(comparison.lift_interval),
        comparison.p_value,
        reading.p_value_adjusted,
    )


def _facts(full: FullReport) -> WrittenTable:
    report, srm = full.report, full.report.srm
    experiment = report.experiment
    facts: list[tuple[str, Value]] = [
        (_("Experiment"), experiment.name),
        (_("Key"), experiment.key),
        (_("Site"), experiment.slot.site.name),
        (_("Slot"), experiment.slot.key),
        (_("Audience"), experiment.audience.name if experiment.audience else _("Every visitor")),
        (_("Status"), str(experiment.get_status_display())),
        (_("Primary metric"), str(experiment.get_primary_metric_display())),
        (_("Goal"), experiment.goal or None),
        (_("Plan"), str(experiment.get_plan_display())),
        (_("Planned visitors"), experiment.planned_visitors),
        (_("Significance level"), experiment.alpha),
        (_("Started"), _local(report, experiment.started_at)),
        (_("Ended"), _local(report, experiment.stopped_at)),
        (_("As of"), _local(report, report.as_of)),
        (_("Time zone"), experiment.slot.site.time_zone),
        (_("Time zone of the days"), experiment.zone_of_days.key),
        (_("Verdict"), full.verdict.title if full.verdict else None),
        *(("", sentence) for sentence in (full.verdict.sentences if full.verdict else ())),
        (_("p-value of the traffic split"), srm.p_value if srm else None),
        (_("Phases of equal shares, compared within"), len(report.strata.shares)),
        (_("Version of the code"), report_code()),
    ]
    columns = (_column("name", _("Name")), _column("value", _("Value")))
    return WrittenTable(key="experiment", title=_("Experiment"), columns=columns, rows=facts)


def _guardrails(full: FullReport) -> WrittenTable:
    states = {
        GuardrailState.HELD: _("held"),
        GuardrailState.HARMED: _("harmed"),
        GuardrailState.UNCLEAR: _("not yet excluded"),
    }
    columns = (
        *_arm_columns(),
        _column("name", _("Metric")),
        _column("goal", _("Goal")),
        _column("lift", _("Lift"), "fraction"),
        *_ends("lift", _("Lift"), "fraction"),
        _column("margin", _("Loss tolerated"), "fraction"),
        _column("state", _("State")),
    )
    rows = [
        (
            *_named(full.report.arms[rail.arm]),
            *(rail.name, rail.goal or None, rail.lift, *_pair(rail.bounds), rail.margin),
            states[state],
        )
        for rail, state in full.guardrails
    ]
    return WrittenTable(key="guardrails", title=_("Guardrails"), columns=columns, rows=rows)


def _secondary(full: FullReport) -> WrittenTable:
    columns = (
        _column("name", _("Metric")),
        _column("goal", _("Goal")),
        *_arm_columns(),
        _column("mean_control", _("Control"), "number"),
        _column("mean", _("This arm"), "number"),
        _column("lift", _("Lift"), "fraction"),
        *_ends("lift", _("Lift"), "fraction"),
        _column("p_value", _("p-value"), "number"),
        _column("p_value_adjusted", _("FDR-adjusted"), "number"),
        _column("is_found", _("Found")),
    )
    rows = []
    for one in full.secondary:
        row = one.comparison
        found = (row.lift, *_pair(row.lift_interval), row.p_value) if row else (None,) * 4
        means = one.means or (None, None)
        arm = _named(full.report.arms[one.arm])
        is_found = _("found") if one.is_found else None
        named = (one.name, one.goal or None, *arm, *means)
        rows.append((*named, *found, one.p_value_adjusted, is_found))
    title = _("Secondary metrics")
    return WrittenTable(key="secondary_metrics", title=title, columns=columns, rows=rows)


def _segments(full: FullReport) -> WrittenTable:
    columns = (
        *_arm_columns(),
        _column("attribute", _("Attribute")),
        _column("segment", _("Segment")),
        _column("visitors", _("Visitors"), "count"),
        _column("lift", _("Lift"), "fraction"),
        *_ends("lift", _("Lift"), "fraction"),
        _column("p_value_adjusted", _("Adjusted p-value"), "number"),
        _column("adjusted_lift", _("Adjusted lift"), "fraction"),
        *_ends("adjusted_lift", _("Adjusted lift"), "fraction"),
    )
    title, rows = _("Segments"), list(_segment_rows(full))
    return WrittenTable(key="segments", title=title, columns=columns, rows=rows)


def _segment_rows(full: FullReport) -> Iterator[tuple[Value, ...]]:
    for row in full.insights.segments if full.insights else ():
        for segment in row.result.segments:
            yield (
                *_named(full.report.arms[row.arm]),
                attribute_name(row.attribute),
                segment_value(segment.name, row.attribute),
                int(segment.n),
                segment.effect,
                *_pair(segment.interval),
                segment.p_value_adjusted,
                segment.shrunken_effect,
                *_pair(segment.shrunken_interval),
            )


def _days(report: Report) -> WrittenTable:
    columns = (
        _column("day", _("Day"), "day"),
        *_arm_columns(),
        _column("visitors", _("Visitors"), "count"),
        _column("clicks", _("Clicks"), "count"),
    )
    arms = [_named(arm) for arm in report.arms]
    rows = [(one.day, *arms[one.arm], one.visitors, one.clicks) for one in report.days]
    return WrittenTable(key="days", title=_("Days"), columns=columns, rows=rows)


def _phases(report: Report) -> WrittenTable:
    columns = (
        _column("phase", _("Phase"), "count"),
        _column("started_at", _("Started"), "moment"),
        _column("coverage", _("Coverage"), "fraction"),
        *_arm_columns(),
        _column("share", _("Share"), "fraction"),
        _column("visitors", _("Visitors"), "count"),
        _column("clicks", _("Clicks"), "count"),
        _column("conversions", _("Conversions"), "count"),
    )
    rows = list(_phase_rows(report))
    return WrittenTable(key="phases", title=_("Phases"), columns=columns, rows=rows)


def _phase_rows(report: Report) -> Iterator[tuple[Value, ...]]:
    """Yield the arms of each phase; visitors of an unknown phase have neither start nor shares."""
    experiment = report.experiment
    phases = {phase.number: phase for phase in experiment.phases.all()}
    totals = totals_by_phase(report.rollups, list(experiment.variants.all()))
    for number in sorted({*phases, *totals}):
        phase = phases.get(number)
        started = phase.started_at if phase else experiment.started_at
        coverage = phase.coverage if phase else experiment.coverage
        shares = phase.shares if phase else [arm.share for arm in report.arms]
        for arm in report.arms:
            total = totals[number][arm.arm] if number in totals else None
            counts = (
                (total.visitors, total.clicking_visitors, total.converting_visitors)
                if total
                else (0, 0, 0)
            )
            if number == UNKNOWN_PHASE:
                yield (None, None, None, *_named(arm), None, *counts)
            else:
                share = float(shares[arm.arm])
                moment = _local(report, started)
                yield (number, moment, float(coverage), *_named(arm), share, *counts)


def view_table(chosen: ChosenComparison | None) -> WrittenTable:
    """Return the comparison that a reader chose, a row a reading."""
    kind: Kind = "fraction" if chosen and chosen.is_rate else "number"
    columns = (
        *_arm_columns(),
        _column("against", _("Against")),
        _column("metric", _("Metric")),
        _column("segment", _("Segment")),
        _column("from", _("From"), "day"),
        _column("to", _("To"), "day"),
        _column("visitors_against", _("Visitors of the other"), "count"),
        _column("visitors", _("Visitors"), "count"),
        _column("mean_against", _("Mean of the other"), kind),
        _column("mean", _("Mean"), kind),
        _column("effect", _("Difference"), kind),
        *_ends("effect", _("Difference"), kind),
        _column("lift", _("Lift"), "fraction"),
        *_ends("lift", _("Lift"), "fraction"),
        _column("p_value", _("p-value"), "number"),
        _column("valid", _("Valid")),
        _column("cuped", "CUPED"),
    )
    rows = list(_view_rows(chosen)) if chosen else []
    return WrittenTable(key="view", title=_("Chosen view"), columns=columns, rows=rows)


def _view_rows(chosen: ChosenComparison) -> Iterator[tuple[Value, ...]]:
    view, (against, arm) = chosen.view, chosen.arms
    once = _("at one look, chosen after the fact") if view.has_span else _("at one planned look")
    for row, valid in ((chosen.sequential, _("at every look")), (chosen.fixed, once)):
        if row is None:
            continue
        yield (
            *(arm.key, arm.text, against.key, view.metric.name, view.segment or None),
            *(view.first_day, view.last_day, against.visitors, arm.visitors),
            *(against.mean, arm.mean, row.effect, *_pair(row.effect_interval)),
            *(row.lift, *_pair(row.lift_interval), row.p_value, valid),
            _("yes") if chosen.is_adjusted else _("no"),
        )


def _column(key: str, title: str, kind: Kind = "text") -> Column:
    return Column(key=key, title=title, kind=kind)


def _arm_columns() -> tuple[Column, Column]:
    return _column("arm", _("Arm")), _column("wording", _("Wording"))


def _ends(key: str, title: str, kind: Kind) -> tuple[Column, Column]:
    low, high = _("%(name)s, low end"), _("%(name)s, high end")
    return (
        _column(f"{key}_low", low % {"name": title}, kind),
        _column(f"{key}_high", high % {"name": title}, kind),
    )


def _named(arm: ArmResult) -> tuple[str, str]:
    return arm.key, arm.text


def _pair(interval: Interval | Sequence[float]) -> tuple[float | None, float | None]:
    if interval is None:
        return None, None
    low, high = (end if math.isfinite(end) else None for end in interval)
    return low, high


def _local(report: Report, moment: datetime | None) -> datetime | None:
    """Return a moment in the site's time zone, without it: spreadsheets know none."""
    local = moment.astimezone(report.experiment.slot.site.zone) if moment else None
    return local.replace(tzinfo=None) if local else None
