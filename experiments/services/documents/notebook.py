"""Notebook that recomputes a report's figures from its sums, with public libraries only."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _

from experiments.models import Experiment
from experiments.services.analysis.comparisons import ComparisonResult
from experiments.services.analysis.metric_statistics import SUCCESSES
from experiments.services.analysis.report import Report
from experiments.services.documents.notebook_code import (
    ADJUSTED,
    CHECK,
    COMPARISONS,
    CUMULATIVE,
    IMPORTS,
    RATES,
    VIEW,
)
from experiments.services.exploration.chosen_comparison import ChosenComparison
from experiments.services.reporting.full_report import FullReport
from experiments.services.reporting.report_json import view_as_json
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    SufficientStatistics,
)

Cell = dict[str, Any]


def notebook_of(full: FullReport, chosen: ChosenComparison | None = None) -> bytes:
    """Return the notebook (format 4.5) of a report; it needs no network and no ctaopt.

    A comparison that a reader chose stands, and is computed anew, beside those of the report.
    """
    data = json.dumps(notebook_data(full, chosen), cls=DjangoJSONEncoder)
    cells = [
        _text(f"# {_one_line(full.report.experiment.name)}", _introduction(full)),
        _code(IMPORTS),
        _text(_("The sums that the report rests on, control first, and what it says of them:")),
        _code(f"report = json.loads({data!r})"),
        _text(_("## Rates and their intervals (Wilson)")),
        _code(RATES),
        _text(_("## Comparisons with the control, for one look")),
        _code(COMPARISONS),
        _text(_("## Adjusted for all arms (Dunnett, step by step)")),
        _code(ADJUSTED),
        _text(_("## Click rates until each day")),
        _code(CUMULATIVE),
        *([_text(_("## The chosen view"), _of_view(chosen)), _code(VIEW)] if chosen else []),
        _text(_("## Are they the figures of the report?")),
        _code(CHECK),
    ]
    notebook = {
        "cells": [cell | {"id": f"cell-{number}"} for number, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()


def notebook_data(full: FullReport, chosen: ChosenComparison | None = None) -> dict[str, Any]:
    """Return sums and reported figures; `sums` is None where they cannot be compared plainly.

    That is the case where arms are compared within phases, and before every arm has a lift.
    """
    report = full.report
    return {
        "experiment": report.experiment.key,
        "metric": report.experiment.primary_metric,
        "alpha": report.experiment.alpha,
        "as_of": report.as_of,
        "arms": [_arm(report, arm.arm) for arm in report.arms],
        "kind": _kind(report.statistics),
        "sums": _sums(report),
        "days": [
            {"day": one.day, "arm": report.arms[one.arm].key}
            | {"visitors": one.visitors, "clicks": one.clicks}
            for one in report.days
        ],
        "reported": [_reported(report, row) for row in report.comparisons],
        "view": _view(chosen) if chosen else None,
    }


def _view(chosen: ChosenComparison) -> dict[str, Any]:
    """Return a view with its sums of each day; none where a day's are not enough."""
    statistics = chosen.sums.statistics
    fixed = chosen.fixed
    has_figures = fixed is not None and fixed.lift is not None and fixed.p_value is not None
    columns = {name: values for name, values in _columns(statistics).items() if has_figures}
    is_plain = statistics.shape[-2] == 1
    return view_as_json(chosen) | {
        "kind": _kind(statistics),
        "days": [
            {"day": day, "arm": arm}
            | {name: float(values[index, 0, column]) for name, values in columns.items()}
            for index, day in enumerate(chosen.sums.days)
            for column, arm in enumerate(chosen.sums.arms)
            if is_plain and columns
        ],
    }


def _of_view(chosen: ChosenComparison) -> str:
    if chosen.sums.statistics.shape[-2] > 1:
        return _("Its arms are compared within phases of equal shares: that is shown.")
    return _(
        "The two arms, the metric, the segment and the days that were chosen, with or without "
        "CUPED, for one look and without an adjustment for other arms. It decides nothing."
    )


def _columns(statistics: SufficientStatistics) -> dict[str, FloatArray]:
    values = {one.name: getattr(statistics, one.name) for one in fields(statistics)}
    return {name: np.asarray(value) for name, value in values.items() if value is not None}


def _arm(report: Report, index: int) -> dict[str, Any]:
    arm = report.arms[index]
    names = ("key", "text", "visitors", "clicks", "conversions", "successes", "rate", "interval")
    return {name: getattr(arm, name) for name in names}


def _kind(statistics: SufficientStatistics | None) -> str | None:
    if statistics is None:
        return None
    if isinstance(statistics, Proportion):
        return "rate"
    return "mean" if isinstance(statistics, Mean) else "ratio"


def _sums(report: Report) -> dict[str, Sequence[float]] | None:
    statistics = report.statistics
    if statistics is None or report.strata.has_changed_shares:
        return None
    compared = [row.fixed.comparison for row in report.comparisons]
    if any(row.lift is None or row.p_value is None for row in compared):
        return None
    return {name: values[0].tolist() for name, values in _columns(statistics).items()}


def _reported(report: Report, row: ComparisonResult) -> dict[str, Any]:
    fixed, decisive = row.fixed, row.decisive
    return {
        "arm": report.arms[row.arm].key,
        "effect": fixed.comparison.effect,
        "lift": fixed.comparison.lift,
        "p_value": fixed.comparison.p_value,
        "p_value_adjusted": fixed.p_value_adjusted,
        "valid": row.valid,
        "decisive_lift_interval": decisive.comparison.lift_interval,
        "decisive_p_value_adjusted": decisive.p_value_adjusted,
    }


def _introduction(full: FullReport) -> str:
    experiment: Experiment = full.report.experiment
    parts = [
        _("Report of %(key)s, as of %(when)s.")
        % {"key": experiment.key, "when": full.report.as_of.isoformat(timespec="minutes")},
        _(
            "Rates, their intervals, differences, lifts and p-values for one look are computed "
            "anew with pandas, SciPy and statsmodels. Figures that hold at every look are shown as "
            "the report has them: docs/statistics.md says how to compute them."
        ),
    ]
    if full.report.strata.has_changed_shares:
        parts.append(
            _(
                "Here arms are compared within phases of equal shares: the comparisons are shown, "
                "not computed anew."
            )
        )
    if full.report.experiment.primary_metric not in SUCCESSES:
        parts.append(_("The metric is no rate of visitors: it has no Wilson interval."))
    return "\n\n".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _text(*paragraphs: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(paragraphs)}


def _code(source: str) -> Cell:
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source.strip(),
    }
