"""Lifts of the arms with their standard errors."""

from dataclasses import dataclass

import numpy as np

from experiments.services.analysis.report import Report
from experiments.stats.estimation.lift_intervals import lift_standard_error, log_ratio
from experiments.stats.estimation.mantel_haenszel import each_field, mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import SufficientStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftEstimate:
    """An arm's lift and effect, both with standard errors (the lift's by the delta method)."""

    lift: float
    se: float
    effect: float
    effect_se: float
    base: float  # the size of the control's mean
    shared_variance: float  # variance of the control's mean, part of every effect's


def lift_estimates(statistics: SufficientStatistics) -> list[LiftEstimate | None]:
    """Return each arm but the control; None where lift or error is undefined.

    Statistics of shape `(S, K)` are compared within phases, those of shape `(K,)` as one phase.
    """
    if len(statistics.shape) == 1:
        statistics = each_field(statistics, lambda field: field[None])
    contrast = mantel_haenszel_contrasts(statistics)
    columns = (
        contrast.lift,
        lift_standard_error(contrast),
        contrast.effect,
        contrast.standard_error,
        contrast.base,
        contrast.control_variance,
    )
    return [
        LiftEstimate(
            lift=float(lift),
            se=float(se),
            effect=float(effect),
            effect_se=float(effect_se),
            base=float(base),
            shared_variance=float(shared),
        )
        if np.isfinite(lift) and se > 0 and effect_se > 0
        else None
        for lift, se, effect, effect_se, base, shared in zip(*columns, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLift:
    """ln(1 + lift) of an arm with its standard error."""

    value: float
    se: float


def log_lifts(groups: SufficientStatistics) -> list[list[LogLift | None]]:
    """Return each arm but the control in each group of visitors; None where it is undefined.

    Arms are compared within strata, such as phases of changed shares. Groups, such as days or
    segments, are the first axis: shape `(G, S, K)`.
    """
    rows = zip(*log_ratio(mantel_haenszel_contrasts(groups)), strict=True)
    return [
        [
            LogLift(value=float(value), se=float(se)) if np.isfinite(value) and se > 0 else None
            for value, se in zip(values, ses, strict=True)
        ]
        for values, ses in rows
    ]


def estimates_of(report: Report) -> list[LiftEstimate | None]:
    """Return those of the report's comparisons; none where nothing is compared."""
    return [] if report.statistics is None else lift_estimates(report.statistics)
