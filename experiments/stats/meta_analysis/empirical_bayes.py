"""Empirical-Bayes prior estimated from the site's own finished experiments.

The observed lifts (or log-odds ratios) y_i with standard errors s_i are read as
y_i ~ N(theta_i, s_i^2), theta_i ~ prior: what the y_i spread more than their s_i is the prior's
spread.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy.typing as npt

from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.heterogeneity import (
    check_effects,
    cochran_q_p_value,
    likeliest_spread,
    log_likelihood,
    spread_interval,
)

# No new arm gets a head start.
CENTRE = 0.0
# With fewer tests the 95 % interval of the spread is wider than a factor of 2.
FLOOR = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorFit:
    """A fitted prior with what it rests on.

    Attributes:
        prior: The prior, or None.
        reason: Reason for a missing prior or a spread at its upper limit, or None.
        n_tests: Finished experiments.
        n_effects: Lifts; an experiment with several arms gives several.
        mean: Centre of the prior.
        spread: Likeliest standard deviation of the true lifts.
        spread_interval: Its 95 % Q-profile interval.
        heterogeneity_p_value: P-value of Cochran's Q: are all lifts 0?
        log_likelihood: Log-likelihood of the lifts under the prior.
    """

    prior: NormalPrior | None
    reason: str | None
    n_tests: int
    n_effects: int
    mean: float | None = None
    spread: float | None = None
    spread_interval: tuple[float, float] | None = None
    heterogeneity_p_value: float | None = None
    log_likelihood: float | None = None


def fit_prior(
    effects: npt.ArrayLike,
    ses: npt.ArrayLike,
    *,
    tests: Sequence[Hashable] | None = None,
) -> PriorFit:
    """Return the normal prior around 0 that the finished experiments support.

    A centre of 0 gives no new arm a head start; the spread has the largest marginal likelihood.
    A spread of 0 would mean that no test can ever matter; if the estimate is 0, the upper end
    of its 95 % interval is used, with a `reason`.

    Args:
        effects: Lifts or log-odds ratios against control, shape (k,).
        ses: Their standard errors, shape (k,), positive.
        tests: Experiment of each lift; None when each is its own. Lifts of one experiment share
            a control but are taken as independent.

    Returns:
        The fit; its prior is None, with the reason, for fewer than 20 experiments or when the
        lifts vary less than their standard errors allow.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    Source: Efron, Morris (1975), "Data analysis using Stein's estimator and its
    generalizations", J. Am. Stat. Assoc. 70.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> fit = fit_prior(rng.normal(0, 0.1118, 200), np.full(200, 0.05))
    >>> fit.prior.label, fit.prior.source
    ('normal(mean 0, sd 0.09083)', 'empirical Bayes, 200 tests')
    """
    y, s = check_effects(effects, ses)
    names: Sequence[Hashable] = range(y.size) if tests is None else tests
    if len(names) != y.size:
        raise ValueError(f"tests must have one entry for each effect, got {len(names)}")
    n_tests = len(set(names))
    if n_tests < FLOOR:
        why = f"{n_tests} finished tests; at least {FLOOR} are needed to see how lifts vary."
        return PriorFit(prior=None, reason=why, n_tests=n_tests, n_effects=y.size)
    return _fit(y, s, n_tests)


def _fit(y: FloatArray, s: FloatArray, n_tests: int) -> PriorFit:
    spread, limits = likeliest_spread(y, s, mean=CENTRE), spread_interval(y, s, mean=CENTRE)
    used = spread or limits[1]
    reason = None
    if used == 0:
        reason = "The lifts vary less than their standard errors allow; check those."
    elif spread == 0:
        reason = "No spread beyond chance; the prior takes the upper end of its interval."
    source = f"empirical Bayes, {n_tests} tests"
    return PriorFit(
        prior=NormalPrior(mean=CENTRE, sd=used, source=source) if used else None,
        reason=reason,
        n_tests=n_tests,
        n_effects=y.size,
        mean=CENTRE,
        spread=spread,
        spread_interval=limits,
        heterogeneity_p_value=cochran_q_p_value(y, s, mean=CENTRE),
        log_likelihood=log_likelihood(y, s, mean=CENTRE, spread=used),
    )
