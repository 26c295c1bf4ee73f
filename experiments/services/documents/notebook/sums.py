"""Data of the notebook: the sums that a report rests on, and its figures."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from experiments.code_version import report_code
from experiments.services.analysis.comparisons import (
    ComparisonResult,
    Reading,
    is_sequential,
    schedule_of,
)
from experiments.services.analysis.metric_statistics import adjusted_statistics_of, statistics_of
from experiments.services.analysis.report import Report
from experiments.services.analysis.sample_ratio import split_counts
from experiments.services.exploration.chosen_comparison import ChosenComparison
from experiments.services.reporting.full_report import FullReport
from experiments.services.reporting.report_json import view_as_json
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    SufficientStatistics,
)

ARM_FIELDS = ("key", "text", "visitors", "clicks", "conversions", "successes", "rate", "interval")


def notebook_data(full: FullReport, chosen: ChosenComparison | None = None) -> dict[str, Any]:
    """Return sums and reported figures; `sums` is None where nothing is compared."""
    report = full.report
    omnibus = report.omnibus
    return {
        "experiment": report.experiment.key,
        "metric": report.experiment.primary_metric,
        "alpha": report.experiment.alpha,
        "as_of": report.as_of,
        "code_version": report_code(),
        "arms": [{name: getattr(arm, name) for name in ARM_FIELDS} for arm in report.arms],
        "kind": _kind(report.statistics),
        **_compared(report),
        "days": [
            {"day": one.day, "arm": report.arms[one.arm].key}
            | {"visitors": one.visitors, "clicks": one.clicks}
            for one in report.days
        ],
        "reported": [_reported(report, row) for row in report.comparisons],
        "omnibus": asdict(omnibus) if omnibus else None,
        "split": _split(report),
        "chance_of_best": [one.chance_of_best for one in full.posteriors],
        "view": _view(chosen) if chosen else None,
    }


def _compared(report: Report) -> dict[str, Any]:
    """Return the plan, its looks and the sums of each day, phase and arm."""
    statistics, experiment = report.statistics, report.experiment
    if statistics is None:
        return dict.fromkeys(("plan", "looks", "sums", "totals", "by_phase"))
    until = report.plan.read_until if report.plan else None
    daily = report.daily if until is None else report.daily.until(report.daily.days.index(until))
    build = adjusted_statistics_of if statistics.has_covariate else statistics_of
    new = daily.new_statistics(lambda cells: build(experiment, cells))
    whole = report.daily.new_statistics(lambda cells: statistics_of(experiment, cells))
    schedule = schedule_of(experiment, report.daily, report.strata, report.as_of)
    return {
        "plan": {
            "is_sequential": is_sequential(experiment),
            "is_adjusted": statistics.has_covariate,
            "planned_visitors": schedule.planned_visitors,
            "shares": report.strata.shares.tolist(),
        },
        "looks": [
            {"day": day, "is_counted": bool(counted)}
            for day, counted in zip(daily.days, schedule.is_scheduled, strict=False)
        ],
        "sums": sums_by_day(new),
        "totals": _listed(statistics_of(experiment, report.totals)),
        "by_phase": {name: values.sum(axis=0).tolist() for name, values in _columns(whole).items()}
        if report.strata.has_changed_shares
        else {name: [v] for name, v in _listed(statistics_of(experiment, report.totals)).items()},
    }


def sums_by_day(new: SufficientStatistics) -> dict[str, Any]:
    """Return the sums of the days' new visitors as a table; cells without visitors are left out."""
    columns = _columns(new)
    cells = np.argwhere(columns["n"] > 0)
    values = np.array([column[tuple(cells.T)] for column in columns.values()]).T
    return {
        "columns": ["day", "phase", "arm", *columns],
        "rows": [[*cell, *row] for cell, row in zip(cells.tolist(), values.tolist(), strict=True)],
    }


def _split(report: Report) -> dict[str, Any] | None:
    """Return the visitors and shares of each phase on which the check of the split rests."""
    if report.srm is None:
        return None
    counts, shares = split_counts(
        report.experiment, list(report.experiment.variants.all()), report.rollups
    )
    return {
        "visitors": [row.tolist() for row in counts],
        "shares": [row.tolist() for row in shares],
        "p_value": report.srm.p_value,
    }


def _view(chosen: ChosenComparison) -> dict[str, Any]:
    """Return a view with its sums of each day; none where it has no reading for one look."""
    statistics = chosen.sums.statistics
    fixed = chosen.fixed
    has_figures = fixed is not None and fixed.lift is not None and fixed.p_value is not None
    return view_as_json(chosen) | {
        "kind": _kind(statistics),
        "shape": statistics.shape[-2:],
        "sums": sums_by_day(statistics) if has_figures else None,
    }


def _columns(statistics: SufficientStatistics) -> dict[str, FloatArray]:
    values = {one.name: getattr(statistics, one.name) for one in fields(statistics)}
    return {name: np.asarray(value) for name, value in values.items() if value is not None}


def _listed(statistics: SufficientStatistics) -> Mapping[str, Any]:
    return {name: values.tolist() for name, values in _columns(statistics).items()}


def _kind(statistics: SufficientStatistics | None) -> str | None:
    if statistics is None:
        return None
    if isinstance(statistics, Proportion):
        return "rate"
    return "mean" if isinstance(statistics, Mean) else "ratio"


def _reported(report: Report, row: ComparisonResult) -> dict[str, Any]:
    return {
        "arm": report.arms[row.arm].key,
        "valid": row.valid,
        "fixed": _reading(row.fixed),
        "anytime": _reading(row.anytime),
        "unadjusted": _reading(row.unadjusted),
        "decisive": _reading(row.decisive),
        "proven": asdict(row.proven) if row.proven else None,
        "sequence": [asdict(one) for one in row.sequence],
    }


def _reading(reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return asdict(reading.comparison) | {"p_value_adjusted": reading.p_value_adjusted}
