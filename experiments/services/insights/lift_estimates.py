"""Lifts of the arms with their standard errors."""

import math
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
    shape = (1, *statistics.shape) if len(statistics.shape) > 1 else (1, 1, *statistics.shape)
    (estimates,) = grouped_lift_estimates(
        each_field(statistics, lambda field: field.reshape(shape))
    )
    return estimates


def grouped_lift_estimates(groups: SufficientStatistics) -> list[list[LiftEstimate | None]]:
    """Return `lift_estimates` of each group of visitors, of statistics of shape `(G, S, K)`."""
    contrast = mantel_haenszel_contrasts(groups)
    columns = (
        contrast.lift,
        lift_standard_error(contrast),
        contrast.effect,
        contrast.standard_error,
        contrast.base,
        contrast.control_variance,
    )
    return [[_estimate(*arm) for arm in arms] for arms in np.stack(columns, axis=-1).tolist()]


def _estimate(
    lift: float, se: float, effect: float, effect_se: float, base: float, shared: float
) -> LiftEstimate | None:
    if not (math.isfinite(lift) and se > 0 and effect_se > 0):
        return None
    return LiftEstimate(
        lift=lift, se=se, effect=effect, effect_se=effect_se, base=base, shared_variance=shared
    )


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
