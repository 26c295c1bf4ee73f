"""Methods of comparison: run each requested one and return rows in one common format.

A row's interval, and the expected loss, are on the requested scale: the lift or the
effect. Chance to win and expected loss come from a flat prior unless a prior was given. They
stand beside the p-values of one planned look too, but not beside a sequential one: repeated
looks at them would not be protected.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.stats.bayesian.normal_model import BayesianResult
from experiments.stats.engine.posteriors import count_reasons, counts_of, posteriors
from experiments.stats.engine.request import AnalysisRequest, Method
from experiments.stats.estimation.comparisons import Comparison
from experiments.stats.estimation.contrasts import Contrasts, contrasts
from experiments.stats.estimation.cuped import estimate, is_adjustable
from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.messages import Message, MessageCode, Text
from experiments.stats.estimation.multiplicity import adjust_p_values, interval_levels
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    SufficientStatistics,
)
from experiments.stats.estimation.undefined_reasons import Reason
from experiments.stats.frequentist.exact_tests import ExactComparison, at_level, compare_exact
from experiments.stats.frequentist.fixed_horizon import Test, compare_fixed
from experiments.stats.sequential.comparison import compare_sequential
from experiments.stats.sequential.looks import Path, Schedule, compare_looks

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstProof:
    """First look at which an arm was proven different, and what was seen then.

    Args:
        look: Number of the look, 1 for the oldest.
        p_value_adjusted: Over the arms.
        lift: Relative to the control; None if it was undefined.
        visitors: Visitors of all arms.
    """

    look: int
    p_value_adjusted: float
    lift: float | None
    visitors: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One arm against the control; None if the method lacks the number or `reasons` explains it.

    Args:
        effect: Difference of the means.
        lift: Relative to the control.
        interval: Interval of the lift or the effect, at the level of the adjusted p-value.
        p_value: Two-sided; None in a Bayesian panel.
        p_value_adjusted: Over the arms.
        chance_to_win: P(the arm is better), flat prior unless one was given.
        expected_loss: Expected loss of shipping the arm, on the interval's scale.
        reasons: Reasons for numbers of this method that are None.
        notes: Remarks on this row, such as the test that was chosen.
        proven: First proof over all looks; None without one, or where no looks are given.
    """

    effect: float | None
    lift: float | None
    interval: Interval
    p_value: float | None
    p_value_adjusted: float | None
    chance_to_win: float | None
    expected_loss: float | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    proven: FirstProof | None = None


def fixed_rows(request: AnalysisRequest) -> list[ComparisonRow]:
    """Compare at one planned look: pooled z for plain proportions, Welch's t for the rest."""
    is_plain = isinstance(request.statistics, Proportion) and not is_adjustable(request.statistics)
    test: Test = "pooled_z" if is_plain else "welch"

    def compare(level: FloatArray) -> list[Comparison]:
        return compare_fixed(request.statistics, alpha=level, test=test).rows()

    return [
        _with_posterior(row, posterior)
        for row, posterior in zip(
            _adjusted_rows(request, compare), posteriors(request), strict=True
        )
    ]


def sequential_rows(request: AnalysisRequest) -> list[ComparisonRow]:
    """Compare so that every look counts, tuned for the planned visitors of each pair."""
    if request.looks is not None:
        return _rows_of_looks(request, request.looks)
    shares = np.array(request.shares)
    # A pair without any share gets the whole plan; its numbers are not used for a verdict.
    part = shares[0] + shares[1:]
    planned_n = request.planned_n and request.planned_n * np.where(part > 0, part, 1.0)

    def compare(level: FloatArray) -> list[Comparison]:
        return compare_sequential(
            request.statistics, planned_n=planned_n, alpha=request.alpha, level=level, shares=shares
        ).rows()

    return _adjusted_rows(request, compare)


def _rows_of_looks(request: AnalysisRequest, looks: SufficientStatistics) -> list[ComparisonRow]:
    """Compare at all looks together, as a report does; looks of shape `(D, K)`."""
    statistics = each_field(looks, lambda field: field[:, np.newaxis])
    schedule = Schedule(
        planned_visitors=request.planned_n,
        alpha=request.alpha,
        shares=np.array([request.shares]),
        is_scheduled=np.ones(looks.shape[0], dtype=bool),
    )

    def compare(level: FloatArray) -> list[Comparison]:
        return compare_looks(statistics, schedule, level=level).comparisons.rows()

    path = compare_looks(statistics, schedule)
    adjusted = np.array([adjust_p_values(row, request.correction) for row in path.p_values])
    visitors = np.asarray(looks.n).sum(axis=-1)
    return [
        replace(row, proven=_first_proof(path, adjusted[:, arm], visitors, request.alpha, arm))
        for arm, row in enumerate(_adjusted_rows(request, compare))
    ]


def _first_proof(
    path: Path, adjusted: FloatArray, visitors: FloatArray, alpha: float, arm: int
) -> FirstProof | None:
    proofs = np.flatnonzero(adjusted <= alpha)
    if not proofs.size:
        return None
    first = int(proofs[0])
    return FirstProof(
        look=first + 1,
        p_value_adjusted=float(adjusted[first]),
        lift=_number(path.look.comparisons.lift[first, arm]),
        visitors=float(visitors[first]),
    )


def exact_rows(request: AnalysisRequest) -> list[ComparisonRow]:
    """Compare click rates by an exact test that their counts choose."""
    control, *arms = counts_of(request)
    results = [
        _without_inference(compare_exact(control, arm, alpha=request.alpha), reason)
        for arm, reason in zip(arms, count_reasons(request), strict=True)
    ]
    p_values = _p_values(results)
    adjusted = adjust_p_values(p_values, request.correction)
    levels = interval_levels(p_values, request.correction, request.alpha).tolist()
    at_levels = [
        result if result.p_value is None else at_level(result, control, arm, alpha=level)
        for result, arm, level in zip(results, arms, levels, strict=True)
    ]
    return [
        _with_posterior(_exact_row(request, result, p_adjusted), posterior)
        for result, p_adjusted, posterior in zip(
            at_levels, adjusted, posteriors(request), strict=True
        )
    ]


def bayesian_rows(request: AnalysisRequest) -> list[ComparisonRow]:
    """Compare by posteriors: beta-binomial for plain rates with a flat prior, normal otherwise."""
    contrast = contrasts(estimate(request.statistics))
    rows = []
    for index, posterior in enumerate(posteriors(request)):
        reasons = () if posterior.reason is None else (posterior.reason,)
        rows.append(
            ComparisonRow(
                effect=_number(contrast.effect[index]),
                lift=_number(contrast.lift[index]),
                interval=posterior.interval,
                p_value=None,
                p_value_adjusted=None,
                chance_to_win=posterior.chance_to_win,
                expected_loss=posterior.expected_loss,
                reasons=(*reasons, *_missing_lift(contrast, index)),
                notes=(_model_note(posterior),),
            )
        )
    return rows


PANELS: dict[Method, Callable[[AnalysisRequest], list[ComparisonRow]]] = {
    "fixed": fixed_rows,
    "sequential": sequential_rows,
    "bayesian": bayesian_rows,
    "exact": exact_rows,
}


def _adjusted_rows(
    request: AnalysisRequest, compare: Callable[[FloatArray], list[Comparison]]
) -> list[ComparisonRow]:
    """Compare once for the p-values and once more at the levels that their adjustment sets."""
    first = compare(np.full(len(request.names) - 1, request.alpha))
    p_values = _p_values(first)
    adjusted = adjust_p_values(p_values, request.correction)
    levels = interval_levels(p_values, request.correction, request.alpha)
    rows = []
    for row, p_adjusted in zip(compare(levels), adjusted, strict=True):
        interval = row.lift_interval if request.relative else row.effect_interval
        reasons = []
        if None in (row.effect, row.p_value) or (interval is None and not request.relative):
            reasons.append(row.reason)
        if row.lift is None or (interval is None and request.relative):
            reasons.append(row.lift_reason)
        rows.append(
            ComparisonRow(
                effect=row.effect,
                lift=row.lift,
                interval=interval,
                p_value=row.p_value,
                p_value_adjusted=_number(p_adjusted),
                chance_to_win=None,
                expected_loss=None,
                reasons=tuple(reason for reason in reasons if reason is not None),
            )
        )
    return rows


def _p_values(rows: Sequence[Comparison | ExactComparison]) -> FloatArray:
    return np.array([np.nan if row.p_value is None else row.p_value for row in rows])


def _without_inference(result: ExactComparison, reason: Reason) -> ExactComparison:
    if not reason:
        return result
    return replace(
        result,
        effect_interval=None,
        lift_interval=None,
        p_value=None,
        reason=reason.sentence,
        interval_agrees=True,
    )


def _exact_row(
    request: AnalysisRequest, result: ExactComparison, p_adjusted: np.float64
) -> ComparisonRow:
    interval = result.lift_interval if request.relative else result.effect_interval
    notes: list[str] = [Text([f"Test {result.test.value}. ", result.rule])]
    if not result.interval_agrees:
        notes.append(Message(MessageCode.SCORE_INTERVAL))
    reasons = [reason for reason in (result.reason, result.lift_reason) if reason is not None]
    return ComparisonRow(
        effect=result.effect,
        lift=result.lift,
        interval=interval,
        p_value=result.p_value,
        p_value_adjusted=_number(p_adjusted),
        chance_to_win=None,
        expected_loss=None,
        reasons=tuple(dict.fromkeys(reasons)),
        notes=tuple(notes),
    )


def _with_posterior(row: ComparisonRow, posterior: BayesianResult) -> ComparisonRow:
    reasons = row.reasons if posterior.reason is None else (*row.reasons, posterior.reason)
    return replace(
        row,
        chance_to_win=posterior.chance_to_win,
        expected_loss=posterior.expected_loss,
        reasons=tuple(dict.fromkeys(reasons)),
    )


def _model_note(posterior: BayesianResult) -> Message:
    model, prior = posterior.model, str(posterior.prior)
    return Message(MessageCode.MODEL_AND_PRIOR, model=model, prior=prior)


def _missing_lift(contrast: Contrasts, index: int) -> tuple[str, ...]:
    sentence = Reason(contrast.lift_reason[index]).sentence
    return () if sentence is None else (sentence,)


def _number(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
