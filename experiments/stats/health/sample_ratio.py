"""Sample-ratio mismatch (SRM): tests of the traffic split against the configured shares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.stats.estimation.log_sum_exp import log_sum_exp
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
# Visitors that the shares drawn for each phase are worth.
CONCENTRATION = 1_000.0
# Part of the e-value whose deviation is the same in every phase.
COMMON_PART = 0.9
# Logarithms of the factors on an arm's odds, 0.1 % to 55 times, with their weights: most weight
# near 5 %, which is a split of 51.25 to 48.75. Between neighbours little is lost, at most 4.2 %
# of the largest ln e-value.
_STEPS = np.geomspace(0.001, 4.0, 21)
LOG_FACTORS = np.concatenate([-_STEPS[::-1], _STEPS])
LOG_WEIGHTS = special.log_softmax(-0.5 * (np.log(np.abs(LOG_FACTORS) / 0.05) / 1.5) ** 2)

Numbers = Sequence[float] | FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmCheck:
    """Result of a test of the traffic split.

    Args:
        p_value: P-value in [0, 1], or None with a `reason`.
        statistic: Chi-squared, or the ln e-value of the sequential test.
        dof: Arms with a share, less one.
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
    """Test the traffic split by Pearson's chi-squared, for one look.

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
    count, share = _checked(counts, shares)
    dof = int(np.count_nonzero(share)) - 1
    if not count.sum():
        return _undefined(Reason.NO_VISITORS, dof)
    if np.any(count[share == 0] > 0):
        return SrmCheck(p_value=0.0, statistic=None, dof=dof)
    if dof == 0:
        return _undefined(Reason.ONE_ARM_WITH_SHARE, dof)
    expected = count.sum() * share[share > 0]
    if np.any(expected < LEAST_EXPECTED):
        return _undefined(Reason.TOO_FEW_EXPECTED, dof)
    statistic = float(np.sum((count[share > 0] - expected) ** 2 / expected))
    return SrmCheck(p_value=float(special.chdtrc(dof, statistic)), statistic=statistic, dof=dof)


def check_srm_sequential(counts: Sequence[Numbers], shares: Sequence[Numbers]) -> SrmCheck:
    """Test the split over all phases so that it may be repeated after every visitor.

    The e-value is a mixture of likelihood ratios against the configured shares, so its
    expectation is 1 at every look while the split is right, for any counts and changes of
    shares. Nine tenths of it favour or starve one arm: its odds are multiplied by the same
    factor in all phases, which adds up small deviations over any number of them. One tenth
    draws other shares for each phase, which finds deviations that cancel over the phases.

    Args:
        counts: For each phase, visitors first exposed in it so far, by arm.
        shares: For each phase, its shares, by arm.

    Returns:
        The check with p-value 1 / e-value, at most 1. It is 0 if an arm has visitors from a
        phase in which it had no share.

    Raises:
        ValueError: As `check_srm`, or if the numbers of phases differ or are 0.

    Source: Lindon, Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS
    (arXiv 2011.03567), for the tenth; Vovk, Wang (2021), "E-values: calibration, combination
    and applications", Annals of Statistics 49, for mixtures.

    >>> round(check_srm_sequential([[5_200, 4_800]], [[0.5, 0.5]]).statistic, 4)
    5.6235
    """
    count, share = _phases(counts, shares)
    dof = max(int(np.count_nonzero(share.any(axis=0))) - 1, 0)
    if not count.sum():
        return _undefined(Reason.NO_VISITORS, dof)
    if np.any(count[share == 0] > 0):
        return SrmCheck(p_value=0.0, statistic=None, dof=dof)
    if np.all(np.count_nonzero(share, axis=1) < 2):
        return _undefined(Reason.ONE_ARM_WITH_SHARE, dof)
    log_e = float(log_e_values(count, share))
    return SrmCheck(p_value=float(np.exp(-max(log_e, 0.0))), statistic=log_e, dof=dof)


def log_e_values(counts: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the ln e-values of many experiments, or looks, that have the same phases.

    Args:
        counts: Visitors, whole and at least 0, shape `(..., S, K)`: by the phase in which they
            were first exposed and by arm. Arms without a share have none.
        shares: Shares, shape `(S, K)`; each row sums to 1, and one or more have two arms.

    Returns:
        The logarithms of shape `(...)`; the p-value of `check_srm_sequential` is exp(-x), at
        most 1.

    Source: as `check_srm_sequential`.

    >>> looks = np.array([[[2_600.0, 2_400.0]], [[5_200.0, 4_800.0]]])
    >>> log_e_values(looks, np.array([[0.5, 0.5]])).round(4).tolist()
    [2.0373, 5.6235]
    """
    return np.asarray(
        np.logaddexp(
            np.log(COMMON_PART) + _log_e_of_common_factor(counts, shares),
            np.log1p(-COMMON_PART) + _log_e_of_other_shares(counts, shares),
        )
    )


def _log_e_of_common_factor(counts: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the ln e-value of one arm, any of them, with its odds changed in every phase.

    With the factor exp(x) arm k has the share w = share exp(x) / (1 + share (exp(x) - 1)).
    """
    sizes = counts.sum(axis=-1)
    growth = np.log1p(np.expm1(LOG_FACTORS)[:, None] * shares[:, None, :])
    # Over the phases; `einsum` takes longer.
    log_ratio = LOG_FACTORS[:, None] * counts.sum(axis=-2)[..., None, :] - np.tensordot(
        sizes, growth, axes=1
    )
    # An arm without a share in any phase has no odds to change.
    log_ratio = log_ratio[..., shares.any(axis=0)] + LOG_WEIGHTS[:, None]
    total = log_sum_exp(log_ratio.reshape(*log_ratio.shape[:-2], -1))
    return np.asarray(total - np.log(log_ratio.shape[-1]))


def _log_e_of_other_shares(counts: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the ln e-value of shares drawn anew for each phase, around the configured ones."""
    prior = CONCENTRATION * shares
    # rising(a, x) = Gamma(a + x) / Gamma(a), the chance of x more of a kind; 1 without a share.
    rising = special.gammaln(np.where(shares > 0, prior + counts, 1.0)) - special.gammaln(
        np.where(shares > 0, prior, 1.0)
    )
    overall = special.gammaln(CONCENTRATION + counts.sum(axis=-1)) - special.gammaln(CONCENTRATION)
    null = special.xlogy(counts, shares)
    return np.asarray(rising.sum(axis=(-2, -1)) - overall.sum(axis=-1) - null.sum(axis=(-2, -1)))


def _phases(counts: Sequence[Numbers], shares: Sequence[Numbers]) -> tuple[FloatArray, FloatArray]:
    """Return counts and shares of shape (phases, arms)."""
    if not len(counts) or len(counts) != len(shares):
        raise ValueError(f"shares must have one row for each of the {len(counts)} phases")
    if len({len(row) for row in (*counts, *shares)}) == 1:
        count, share = (np.asarray(rows, dtype=np.float64) for rows in (counts, shares))
        if count.ndim == 2 and count.shape[1] > 1 and _are_counts(count) and _are_shares(share):
            return count, share / share.sum(axis=1, keepdims=True)
    # One phase after the other, for the error that names its numbers.
    rows = [_checked(c, s) for c, s in zip(counts, shares, strict=True)]
    return np.stack([count for count, _ in rows]), np.stack([share for _, share in rows])


def _undefined(reason: Reason, dof: int) -> SrmCheck:
    return SrmCheck(p_value=None, statistic=None, dof=dof, reason=reason.sentence)


def _checked(counts: Numbers, shares: Numbers) -> tuple[FloatArray, FloatArray]:
    count = np.asarray(counts, dtype=np.float64)
    if count.ndim != 1 or len(count) < 2:
        raise ValueError(f"counts must name two arms or more: {counts!r}")
    if not _are_counts(count):
        raise InvalidInputError(Message(MessageCode.COUNTS_NOT_WHOLE, given=repr(counts)))
    return count, check_shares(shares, len(count))


def _are_counts(count: FloatArray) -> bool:
    return bool(np.all((count >= 0) & (count == np.floor(count)) & np.isfinite(count)))


def _are_shares(share: FloatArray) -> bool:
    """Return whether each row is one of shares; as `check_shares`, without its errors."""
    is_part = (share >= 0) & (share <= 1)
    return bool(is_part.all() and np.all(abs(share.sum(axis=-1) - 1) <= SHARE_TOLERANCE))


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
