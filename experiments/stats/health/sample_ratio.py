"""Sample-ratio mismatch (SRM): tests of the traffic split against the configured shares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from experiments.stats.estimation.messages import (
    InvalidFieldError,
    InvalidInputError,
    Message,
    MessageCode,
)
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.estimation.undefined_reasons import Reason

# One false alarm in a thousand looks at healthy experiments; broken ones are far below this.
SRM_ALPHA = 0.001
# Cochran's rule for the chi-squared approximation.
LEAST_EXPECTED = 5.0
SHARE_TOLERANCE = 1e-6
CONCENTRATION = 1_000.0

Numbers = Sequence[float] | FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmCheck:
    """Result of a test of the traffic split.

    Args:
        p_value: P-value in [0, 1], or None with a `reason`.
        statistic: Chi-squared, or the largest ln Bayes factor of the sequential test.
        dof: Degrees of freedom of the chi-squared.
        reason: Reason for an undefined p-value.
    """

    p_value: float | None
    statistic: float | None
    dof: int
    reason: str | None = None

    @property
    def is_mismatch(self) -> bool:
        """Return whether the p-value is known and below 0.001: no verdict may be given."""
        return self.p_value is not None and self.p_value < SRM_ALPHA


def check_srm(counts: Numbers, shares: Numbers) -> SrmCheck:
    """Test the traffic split by Pearson's chi-squared.

    Args:
        counts: Visitors exposed to each arm, whole, control first; length K >= 2.
        shares: Configured shares in [0, 1], same order; they sum to 1. An arm with share 0
            takes no part; if it has visitors, the p-value is 0.

    Returns:
        The check; its p-value is None when nobody was exposed, an arm expects fewer than 5
        visitors, or fewer than two arms have a share.

    Raises:
        ValueError: If the lengths differ, K < 2, a count is negative or not whole, a share lies
            outside [0, 1], or the shares do not sum to 1.

    Source: Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled
    experiments", KDD.

    >>> round(check_srm([5_000, 5_200], [0.5, 0.5]).p_value, 4)
    0.0477
    """
    return check_srm_phases([counts], [shares])


def check_srm_phases(counts: Sequence[Numbers], shares: Sequence[Numbers]) -> SrmCheck:
    """Test the split when the shares changed: chi-squared added over the phases.

    Pooling the phases instead would accuse every experiment whose shares moved.

    Args:
        counts: For each phase, visitors first exposed in it, by arm.
        shares: For each phase, its shares, by arm.

    Returns:
        The check over all phases that had visitors.

    Raises:
        ValueError: As `check_srm`, or if the numbers of phases differ or are 0.

    Source: Pearson (1900), Phil. Mag. 50; independent chi-squared values add.

    >>> check_srm_phases([[900, 100], [500, 500]], [[0.9, 0.1], [0.5, 0.5]]).p_value
    1.0
    """
    phases = _phases(counts, shares)
    dof = sum(int(np.count_nonzero(s)) - 1 for _, s in phases)
    if not phases:
        return _undefined(Reason.NO_VISITORS, dof)
    if any(np.any(c[s == 0] > 0) for c, s in phases):
        return SrmCheck(p_value=0.0, statistic=None, dof=dof)
    if dof == 0:
        return _undefined(Reason.ONE_ARM_WITH_SHARE, dof)
    if any(np.any(c.sum() * s[s > 0] < LEAST_EXPECTED) for c, s in phases):
        return _undefined(Reason.TOO_FEW_EXPECTED, dof)
    statistic = float(sum(_chi_squared(c[s > 0], s[s > 0]) for c, s in phases))
    return SrmCheck(p_value=float(stats.chi2.sf(statistic, dof)), statistic=statistic, dof=dof)


def check_srm_sequential(
    counts: Sequence[Numbers],
    shares: Sequence[Numbers],
    *,
    largest_before: float = -np.inf,
    concentration: float = CONCENTRATION,
) -> SrmCheck:
    """Test the split so that it may be repeated after every batch.

    The Bayes factor of shares drawn from Dirichlet(concentration * shares) against the shares
    themselves is a martingale while the split is right; over phases the factors multiply.

    Args:
        counts: For each phase, visitors first exposed in it so far, by arm.
        shares: For each phase, its shares, by arm.
        largest_before: The largest statistic of earlier looks; what it proved stays proved.
        concentration: Visitors that the mixture is worth; 1,000 finds a split of 51 to 49 at
            1,000 visitors a day in the median on day 42, and 2 later.

    Returns:
        The check with p-value exp(-largest ln Bayes factor), at most 1.

    Raises:
        ValueError: As `check_srm_phases`, or if the concentration is not positive.

    Source: Lindon, Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS
    (arXiv 2011.03567).

    >>> round(check_srm_sequential([[5_200, 4_800]], [[0.5, 0.5]]).statistic, 4)
    6.0758
    """
    if not 0 < concentration < np.inf:
        raise ValueError(f"concentration must be positive: {concentration!r}")
    phases = _phases(counts, shares)
    if not phases:
        return _undefined(Reason.NO_VISITORS, 0)
    dof = sum(int(np.count_nonzero(s)) - 1 for _, s in phases)
    if any(np.any(c[s == 0] > 0) for c, s in phases):
        return SrmCheck(p_value=0.0, statistic=None, dof=dof)
    now = sum(_log_bayes_factor(c[s > 0], concentration * s[s > 0]) for c, s in phases)
    largest = max(now, largest_before)
    return SrmCheck(p_value=float(np.exp(-max(largest, 0.0))), statistic=largest, dof=dof)


def _log_bayes_factor(counts: FloatArray, prior: FloatArray) -> float:
    total, mass = counts.sum(), prior.sum()
    # rising(a, x) = Gamma(a + x) / Gamma(a), the chance of x more of a kind.
    by_arm = np.sum(special.gammaln(prior + counts) - special.gammaln(prior))
    overall = special.gammaln(mass + total) - special.gammaln(mass)
    return float(by_arm - overall - np.sum(special.xlogy(counts, prior / mass)))


def _phases(
    counts: Sequence[Numbers], shares: Sequence[Numbers]
) -> list[tuple[FloatArray, FloatArray]]:
    if not counts or len(counts) != len(shares):
        raise ValueError(f"shares must have one row for each of the {len(counts)} phases")
    phases = [_checked(c, s) for c, s in zip(counts, shares, strict=True)]
    return [(c, s) for c, s in phases if c.sum() > 0]


def _undefined(reason: Reason, dof: int) -> SrmCheck:
    return SrmCheck(p_value=None, statistic=None, dof=dof, reason=reason.sentence)


def _chi_squared(counts: FloatArray, shares: FloatArray) -> float:
    expected = counts.sum() * shares
    return float(np.sum((counts - expected) ** 2 / expected))


def _checked(counts: Numbers, shares: Numbers) -> tuple[FloatArray, FloatArray]:
    count = np.asarray(counts, dtype=np.float64)
    if count.ndim != 1 or len(count) < 2:
        raise ValueError(f"counts must name two arms or more: {counts!r}")
    if not np.all((count >= 0) & (count == np.floor(count)) & np.isfinite(count)):
        raise InvalidInputError(Message(MessageCode.COUNTS_NOT_WHOLE, given=repr(counts)))
    return count, check_shares(shares, len(count))


def check_shares(shares: Numbers, n_arms: int) -> FloatArray:
    """Return the shares as an array that sums to 1 exactly.

    Args:
        shares: In [0, 1], one for each arm.
        n_arms: Number of arms.

    Raises:
        ValueError: If the length differs, a share lies outside [0, 1] or the sum is further
            than 1e-6 from 1.

    >>> check_shares([0.5, 0.5], 2).tolist()
    [0.5, 0.5]
    """
    share = np.asarray(shares, dtype=np.float64)
    if share.shape != (n_arms,):
        fault = f"must have one number for each of the {n_arms} arms"
        raise InvalidFieldError("shares", fault, repr(shares))
    if not np.all((share >= 0) & (share <= 1)):
        text = Message(MessageCode.SHARES_OUT_OF_RANGE, given=repr(shares))
        raise InvalidFieldError("shares", "must lie between 0 and 1", repr(shares), text=text)
    if abs(share.sum() - 1) > SHARE_TOLERANCE:
        raise InvalidFieldError("shares", "must sum to 1", repr(shares))
    normalised: FloatArray = share / share.sum()
    return normalised
