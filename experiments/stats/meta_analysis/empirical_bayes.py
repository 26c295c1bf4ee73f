"""Empirical-Bayes prior estimated from the site's own finished experiments.

The observed lifts (or log-odds ratios) y_i with standard errors s_i are read as
y_i ~ N(theta_i, s_i^2), theta_i ~ prior: what the y_i spread more than their s_i is the prior's
spread.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from experiments.stats.bayesian.normal_model import student_t_parts
from experiments.stats.bayesian.priors import NormalPrior, StudentTPrior
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.heterogeneity import (
    check_effects,
    cochran_q,
    dersimonian_laird,
    likeliest_spread,
    log_likelihood,
    pooled_mean,
    spread_interval,
)

# With fewer tests the 95 % interval of the spread is wider than a factor of 2.
FLOOR = 20
# A Student-t with 50 degrees of freedom is a normal prior for every purpose.
_DOFS = (3.0, 4.0, 6.0, 10.0, 50.0)


class Method(StrEnum):
    """Estimators of the spread of a normal prior."""

    MARGINAL_LIKELIHOOD = "marginal_likelihood"
    DERSIMONIAN_LAIRD = "dersimonian_laird"


class Family(StrEnum):
    """Shape of the prior."""

    NORMAL = "normal"
    STUDENT_T = "student_t"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorFit:
    """A fitted prior with what it rests on.

    Attributes:
        prior: The prior, or None.
        reason: Reason for a missing prior or a spread at its upper limit, or None.
        n_tests: Finished experiments.
        n_effects: Lifts; an experiment with several arms gives several.
        mean: Centre, fixed or fitted.
        spread: Estimated standard deviation of the true lifts (for a normal prior).
        spread_interval: Its 95 % Q-profile interval.
        heterogeneity_p_value: P-value of Cochran's Q: do the lifts differ at all?
        log_likelihood: Log-likelihood of the data under the prior, to compare normal and Student-t.
    """

    prior: NormalPrior | StudentTPrior | None
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
    family: Family = Family.NORMAL,
    method: Method = Method.MARGINAL_LIKELIHOOD,
    mean: float | None = 0.0,
) -> PriorFit:
    """Return the prior that the finished experiments support.

    A spread of 0 would mean that no test can ever matter; if the estimate is 0, the upper end
    of its 95 % interval is used, with a `reason`.

    Args:
        effects: Lifts or log-odds ratios against control, shape (k,).
        ses: Their standard errors, shape (k,), positive.
        tests: Experiment of each lift; None when each is its own. Lifts of one experiment share
            a control but are taken as independent.
        family: NORMAL, or STUDENT_T for heavier tails (degrees of freedom fitted, from 3 up).
        method: For the normal family; a Student-t always takes the marginal likelihood.
        mean: Centre of the prior: 0 gives no new arm a head start; None fits it.

    Returns:
        The fit; its prior is None, with the reason, for fewer than 20 experiments or when the
        lifts vary less than their standard errors allow.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    Source: DerSimonian, Laird (1986), Control. Clin. Trials 7; Azevedo et al. (2020), "A/B
    testing with fat tails", J. Political Econ. 128.

    >>> rng = np.random.default_rng(1)
    >>> fit = fit_prior(rng.normal(0, 0.1118, 200), np.full(200, 0.05))
    >>> fit.prior.label, fit.prior.source
    ('normal(mean 0, sd 0.09083)', 'empirical Bayes, 200 tests')
    """
    y, s = check_effects(effects, ses)
    if mean is not None and not math.isfinite(mean):
        raise ValueError(f"mean must be finite, got {mean}")
    names: Sequence[Hashable] = range(y.size) if tests is None else tests
    if len(names) != y.size:
        raise ValueError(f"tests must have one entry for each effect, got {len(names)}")
    n_tests = len(set(names))
    if n_tests < FLOOR:
        why = f"{n_tests} finished tests; at least {FLOOR} are needed to see how lifts vary."
        return PriorFit(prior=None, reason=why, n_tests=n_tests, n_effects=y.size)
    fit = _normal_fit(y, s, method, mean, n_tests)
    if family is Family.NORMAL or fit.reason is not None:
        return fit
    prior, value = _student_t_fit(y, s, fit, mean)
    return replace(fit, prior=prior, mean=prior.mean, log_likelihood=value)


def _normal_fit(
    y: FloatArray, s: FloatArray, method: Method, mean: float | None, n_tests: int
) -> PriorFit:
    estimate = dersimonian_laird if method is Method.DERSIMONIAN_LAIRD else likeliest_spread
    spread = estimate(y, s, mean=mean)
    limits = spread_interval(y, s, mean=mean)
    used = spread or limits[1]
    centre = pooled_mean(y, s, used)[0] if mean is None else mean
    source = f"empirical Bayes, {n_tests} tests"
    reason = None
    if used == 0:
        reason = "The lifts vary less than their standard errors allow; check those."
    elif spread == 0:
        reason = "No spread beyond chance; the prior takes the upper end of its interval."
    return PriorFit(
        prior=NormalPrior(mean=centre, sd=used, source=source) if used else None,
        reason=reason,
        n_tests=n_tests,
        n_effects=y.size,
        mean=centre,
        spread=spread,
        spread_interval=limits,
        heterogeneity_p_value=cochran_q(y, s, mean=mean).p_value,
        log_likelihood=log_likelihood(y, s, mean=centre, spread=used),
    )


def _student_t_fit(
    y: FloatArray, s: FloatArray, normal: PriorFit, mean: float | None
) -> tuple[StudentTPrior, float]:
    """Return the likeliest Student-t prior and its log likelihood, over a grid of dof."""
    spread, centre = normal.spread or 1.0, normal.mean or 0.0
    source = normal.prior.source if normal.prior is not None else ""

    def prior_at(point: FloatArray, dof: float) -> StudentTPrior:
        location = centre + spread * float(point[1]) if mean is None else mean
        # Scales a thousand times smaller or larger than the spread only waste steps.
        scale = spread * math.exp(min(max(float(point[0]), -7.0), 7.0))
        return StudentTPrior(mean=location, scale=scale, dof=dof, source=source)

    fits = []
    for dof in _DOFS:
        value_at = partial(_value_at, y, s, partial(prior_at, dof=dof))
        point, value = _likeliest(value_at, n_dimensions=2 if mean is None else 1)
        fits.append((value, prior_at(point, dof)))
    value, prior = max(fits, key=lambda fit: fit[0])
    return prior, value


def _value_at(
    y: FloatArray, s: FloatArray, prior_at: Callable[[FloatArray], StudentTPrior], point: FloatArray
) -> float:
    return student_t_log_likelihood(y, s, prior_at(point))


def _likeliest(
    log_likelihood: Callable[[FloatArray], float], *, n_dimensions: int
) -> tuple[FloatArray, float]:
    """Return where the function is largest, from the origin, and its value there."""

    def loss(point: FloatArray) -> float:
        return -log_likelihood(point)

    optimum = minimize(
        loss,
        np.zeros(n_dimensions),
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-7},
    )
    return np.asarray(optimum.x, dtype=np.float64), -float(optimum.fun)


def student_t_log_likelihood(y: FloatArray, s: FloatArray, prior: StudentTPrior) -> float:
    """Return the log marginal likelihood of a Student-t prior.

    Args:
        y: Effects, shape (k,).
        s: Standard errors, shape (k,).
        prior: The prior.

    Returns:
        Sum over the effects of the log density of t convolved with a normal.

    >>> prior = StudentTPrior(scale=1.0, dof=1000)
    >>> value = student_t_log_likelihood(np.zeros(1), np.array([1e-6]), prior)
    >>> round(value, 3)
    -0.919
    """
    distance = np.abs(y - prior.mean)
    weights, sds = student_t_parts(prior, reach=float(distance.max()))
    variance = sds**2 + (s**2)[:, None]
    logs = np.log(np.maximum(weights, 1e-300)) - 0.5 * np.log(2 * math.pi * variance)
    logs = logs - 0.5 * (distance**2)[:, None] / variance
    return float(np.sum(logsumexp(logs, axis=1)))
