"""Exact comparison of two click rates when counts are small.

The p-value comes from an exact test, the intervals from score methods, which exist at 0 clicks.
The result names the test and the reason for it.

scipy's tests want the arms as columns: [[clicks_B, clicks_A], [none_B, none_A]]. With the arms
as rows Fisher's p-value is the same but Boschloo's and Barnard's answer another question,
without a warning. Here a count is always named by its arm.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import scipy
from scipy.special import ndtr

from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.messages import Message, MessageCode
from experiments.stats.estimation.undefined_reasons import Reason
from experiments.stats.frequentist.boschloo_barnard import barnard_p_value, boschloo_p_value
from experiments.stats.frequentist.small_sample_intervals import (
    score_effect_interval,
    score_lift_interval,
)

# Boschloo takes 0.1 s at 500 an arm and 0.4 s at 1,000 (one core).
MOST_FOR_BOSCHLOO = 500
# Beyond it the hypergeometric law is the normal one to every printed digit.
MOST_FOR_FISHER = 10_000_000


class ExactTest(StrEnum):
    """The tests; `SCORE` is what is left when counts are too large for an exact one."""

    BOSCHLOO = "boschloo"
    BARNARD = "barnard"
    FISHER = "fisher"
    SCORE = "score"


_WHY = {
    ExactTest.BOSCHLOO: Message(MessageCode.BOSCHLOO, n=MOST_FOR_BOSCHLOO),
    ExactTest.FISHER: Message(MessageCode.FISHER, n=MOST_FOR_BOSCHLOO),
    ExactTest.SCORE: Message(MessageCode.SCORE, n=MOST_FOR_FISHER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactComparison:
    """One arm against control.

    Attributes:
        effect: pB - pA, or None without visitors.
        effect_interval: Score interval of the effect.
        lift: pB / pA - 1, or None without a click in control.
        lift_interval: Score interval of the lift.
        p_value: Two-sided, of `test`.
        test: The test used.
        rule: Rule by which the test was chosen.
        reason: Reason for missing results, or None.
        lift_reason: Reason for an undefined lift, or None.
        interval_agrees: True if "the interval excludes 0" and "p <= alpha" agree; test
            and interval are different methods and may differ near the border.
    """

    effect: float | None
    effect_interval: tuple[float, float] | None
    lift: float | None
    lift_interval: tuple[float, float] | None
    p_value: float | None
    test: ExactTest
    rule: str
    reason: str | None = None
    lift_reason: str | None = None
    interval_agrees: bool = True


def compare_exact(
    control: tuple[float, float],
    arm: tuple[float, float],
    *,
    alpha: float = 0.05,
    test: ExactTest | None = None,
) -> ExactComparison:
    """Return the exact comparison of an arm's click rate with control's.

    Args:
        control: Clicks and visitors, whole numbers, 0 <= clicks <= visitors.
        arm: The same of the arm.
        alpha: Error rate of the intervals, in (0, 1).
        test: Test to use for any counts; None chooses by size: Boschloo up to 500
            visitors an arm, then Fisher, beyond ten million the score test.

    Returns:
        The comparison; without visitors all numbers are None, with the reason.

    Raises:
        ValueError: If a count is not a whole number in range, alpha is out of range, or the
            requested test cannot handle this number of visitors.

    Source: Mehrotra, Chan, Berger (2003), "A cautionary note on exact unconditional inference
    for a difference between two independent binomial proportions", Biometrics 59; Fagerland,
    Lydersen, Laake (2015), "Recommended confidence intervals for two independent binomial
    proportions", Stat. Methods Med. Res. 24.

    >>> result = compare_exact((1, 20), (7, 20))
    >>> result.test.value, round(result.p_value, 6)
    ('boschloo', 0.021502)
    """
    check_alpha(alpha)
    (a, n_a), (b, n_b) = (
        _checked_counts(name, x) for name, x in (("control", control), ("arm", arm))
    )
    used = _default_test(n_a, n_b) if test is None else _checked_test(test, n_a, n_b)
    rule = _WHY[used] if test is None else "Asked for."
    if min(n_a, n_b) == 0:
        nobody = Reason.NO_VISITORS.sentence
        return ExactComparison(
            effect=None,
            effect_interval=None,
            lift=None,
            lift_interval=None,
            p_value=None,
            test=used,
            rule=rule,
            reason=nobody,
            lift_reason=nobody,
        )
    without_intervals = ExactComparison(
        effect=b / n_b - a / n_a,
        effect_interval=None,
        lift=(b / n_b) / (a / n_a) - 1 if a else None,
        lift_interval=None,
        p_value=exact_p_value((a, n_a), (b, n_b), used),
        test=used,
        rule=rule,
        lift_reason=None if a else Reason.ZERO_CONTROL.sentence,
    )
    return at_level(without_intervals, control, arm, alpha=alpha)


def at_level(
    result: ExactComparison,
    control: tuple[float, float],
    arm: tuple[float, float],
    *,
    alpha: float,
) -> ExactComparison:
    """Return a comparison with its intervals at another error rate; the test is not run again.

    Args:
        result: Comparison of these counts, with a p-value.
        control: Clicks and visitors, at least one visitor.
        arm: The same of the arm.
        alpha: Error rate of the intervals, in (0, 1).

    >>> wide = at_level(compare_exact((1, 20), (7, 20)), (1, 20), (7, 20), alpha=0.01)
    >>> [round(end, 3) for end in wide.effect_interval], wide.interval_agrees
    ([-0.036, 0.597], True)
    """
    low, high = score_effect_interval(control, arm, alpha=alpha)
    is_proven = result.p_value is not None and result.p_value <= alpha
    return replace(
        result,
        effect_interval=(low, high),
        lift_interval=score_lift_interval(control, arm, alpha=alpha),
        interval_agrees=is_proven == (not low <= 0 <= high),
    )


def exact_p_value(control: tuple[int, int], arm: tuple[int, int], test: ExactTest) -> float:
    """Return the two-sided p-value of one test.

    Args:
        control: Clicks and visitors, at least one visitor.
        arm: The same of the arm.
        test: The test.

    Returns:
        P-value in [0, 1]; 1 if nobody clicked or everybody did: such a table is the only one
        with its number of clicks.

    >>> round(exact_p_value((1, 20), (7, 20), ExactTest.FISHER), 6)
    0.043596
    """
    (a, n_a), (b, n_b) = control, arm
    if a + b in (0, n_a + n_b):
        return 1.0
    if test is ExactTest.BOSCHLOO:
        return boschloo_p_value(a, n_a, b, n_b)
    if test is ExactTest.BARNARD:
        return barnard_p_value(a, n_a, b, n_b)
    if test is ExactTest.FISHER:
        return float(scipy.stats.fisher_exact(np.array([[b, a], [n_b - b, n_a - a]])).pvalue)
    pooled = (a + b) / (n_a + n_b)
    sd = math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return float(2 * ndtr(-abs(b / n_b - a / n_a) / sd))


def _default_test(n_a: int, n_b: int) -> ExactTest:
    if max(n_a, n_b) <= MOST_FOR_BOSCHLOO:
        return ExactTest.BOSCHLOO
    return ExactTest.FISHER if n_a + n_b <= MOST_FOR_FISHER else ExactTest.SCORE


def _checked_test(test: ExactTest, n_a: int, n_b: int) -> ExactTest:
    unconditional = test in (ExactTest.BOSCHLOO, ExactTest.BARNARD)
    limit = 4 * MOST_FOR_BOSCHLOO if unconditional else MOST_FOR_FISHER
    if test is not ExactTest.SCORE and max(n_a, n_b) > limit:
        raise ValueError(f"test {test.value} takes at most {limit} visitors, got {max(n_a, n_b)}")
    return test


def _checked_counts(name: str, counts: tuple[float, float]) -> tuple[int, int]:
    clicks, n = counts
    for field, value in (("clicks", clicks), ("visitors", n)):
        if not (0 <= value < 2**53 and value == int(value)):
            raise ValueError(f"{name} {field} must be a whole number of at least 0, got {value}")
    if clicks > n:
        raise ValueError(f"{name} clicks must be at most its visitors, got {clicks} of {n}")
    return int(clicks), int(n)
