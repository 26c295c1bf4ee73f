"""Frozen-arm check: an e-CUSUM for a cache that serves one arm to all visitors.

A cache that keeps a page with a chosen CTA gives its arm to all who come until the page expires,
then freezes another. Added up over days the split may look right; within an hour it does not.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, xlogy

from experiments.stats.health.sample_ratio import Numbers, check_shares

# Parts of the visitors who may be served by the cache: it need not stand before all of them.
FRACTIONS = (0.25, 0.5, 0.75, 1.0)
# Lower bound on the mean number of hours to an experiment's false alarm (11 years).
HOURS_TO_FALSE_ALARM = 100_000.0
ALARM = float(np.log(HOURS_TO_FALSE_ALARM))


@dataclass(frozen=True, slots=True, kw_only=True)
class HourEvidence:
    """Evidence of one hour for a frozen arm.

    Attributes:
        log_e: Natural logarithm of the hour's e-value: 0 is neutral, positive values favour a
            frozen arm, below against it.
        arm: Index of the arm that was frozen, if one was.
        fraction: Part of the visitors who met it then, of `FRACTIONS`.
    """

    log_e: float
    arm: int
    fraction: float


def hour_evidence(counts: Numbers, shares: Numbers) -> HourEvidence:
    """Weigh an hour's new visitors by arm: split as configured, or one arm frozen for a part.

    The e-value is the likelihood of the counts under a mixture, equal parts of every arm frozen
    for every fraction of the visitors, over that under the shares. Its expectation is 1 while
    visitors are split as configured, for any number of visitors.

    Args:
        counts: Visitors first exposed in the hour, by arm, control first; length K >= 2.
        shares: Configured shares in [0, 1], same order; they sum to 1. Arms with share 0, and
            of any visitors, are left to the test of the traffic split.

    Returns:
        The evidence; 0 if fewer than two arms have a share.

    Raises:
        ValueError: If the lengths differ, a count is negative or not whole, or the shares do not
            sum to 1.

    Source: Vovk, Wang (2021), "E-values: calibration, combination and applications", Annals of
    Statistics 49(3): a mixture of likelihood ratios is an e-value.

    >>> evidence = hour_evidence([0, 24], [0.5, 0.5])
    >>> round(evidence.log_e, 2), evidence.arm, evidence.fraction
    (14.6, 1, 1.0)
    >>> hour_evidence([500, 510], [0.5, 0.5]).log_e < 0
    True
    """
    visitors = np.asarray(counts, dtype=np.float64)
    if visitors.ndim != 1 or not np.all(
        (visitors >= 0) & (visitors == np.floor(visitors)) & np.isfinite(visitors)
    ):
        raise ValueError(f"counts must be whole numbers of visitors: {counts!r}")
    share = check_shares(shares, len(visitors))
    taking_part = np.flatnonzero(share)
    if len(taking_part) < 2:
        return HourEvidence(log_e=0.0, arm=0, fraction=1.0)
    count, p = visitors[taking_part], share[taking_part]
    frozen = np.eye(len(p))
    fractions = np.array(FRACTIONS)[:, None, None]
    alternatives = (1 - fractions) * p + fractions * frozen  # (fraction, frozen arm, arm)
    ratios = np.sum(xlogy(count, alternatives / p), axis=-1)
    best_fraction, best_arm = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    return HourEvidence(
        log_e=float(logsumexp(ratios) - np.log(ratios.size)),
        arm=int(taking_part[best_arm]),
        fraction=FRACTIONS[int(best_fraction)],
    )


def gathered_evidence(before: float, hour: HourEvidence) -> float:
    """Return the evidence after one more hour; at `ALARM` and above an arm is frozen.

    Hours before a cache was put in place are forgotten, so a late fault is found as soon as an
    early one.

    Args:
        before: Evidence so far, ln; 0 at the start.
        hour: The next hour of the experiment.

    Returns:
        Evidence, ln. While visitors are split as configured, the expected number of hours to
        the first alarm is at least `HOURS_TO_FALSE_ALARM`, and an alarm within n hours has a
        probability of at most n / `HOURS_TO_FALSE_ALARM`.

    Source: Shin, Ramdas, Rinaldo (2024), "E-detectors: a nonparametric framework for sequential
    change detection", New England Journal of Statistics in Data Science (arXiv 2203.03532), the
    e-CUSUM.

    >>> gathered_evidence(-3.0, hour_evidence([0, 24], [0.5, 0.5])) >= ALARM
    True
    """
    return max(before, 0.0) + hour.log_e
