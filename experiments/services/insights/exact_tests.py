"""Exact tests, shown when counts are too small for the normal approximation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.services.analysis.report import Report
from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.frequentist.exact_tests import ExactComparison, ExactTest, compare_exact
from experiments.stats.sequential.least_counts import LEAST_CLICKS

# Boschloo's test takes a tenth of a second; a page compares more arms by Fisher's.
MOST_UNCONDITIONAL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactReading:
    """One arm against the control by an exact test, for one planned look."""

    arm: int
    comparison: ExactComparison
    p_value_adjusted: float | None


def exact_readings(report: Report) -> tuple[ExactReading, ...]:
    """Return the exact readings; none for values or where every arm has counts enough."""
    arms = report.arms
    rates = [(arm.successes, arm.visitors) for arm in arms if arm.successes is not None]
    is_rate = len(rates) == len(arms)
    # Where shares changed, only the exact early looks of the comparisons go phase by phase.
    if report.strata.has_changed_shares:
        return ()
    if not report.comparisons or not is_rate or not any(_is_small(*counts) for counts in rates):
        return ()
    test = ExactTest.FISHER if len(report.comparisons) > MOST_UNCONDITIONAL else None
    comparisons = [
        compare_exact(rates[0], arm, alpha=report.experiment.alpha, test=test) for arm in rates[1:]
    ]
    return _readings(report, comparisons)


def _is_small(successes: int, visitors: int) -> bool:
    return min(successes, visitors - successes) < LEAST_CLICKS


def _readings(report: Report, comparisons: Sequence[ExactComparison]) -> tuple[ExactReading, ...]:
    p_values = np.array(
        [np.nan if comparison.p_value is None else comparison.p_value for comparison in comparisons]
    )
    adjusted = adjust_p_values(p_values, "holm")
    return tuple(
        ExactReading(
            arm=row.arm,
            comparison=comparison,
            p_value_adjusted=None if np.isnan(p_value) else float(p_value),
        )
        for row, comparison, p_value in zip(report.comparisons, comparisons, adjusted, strict=True)
    )
