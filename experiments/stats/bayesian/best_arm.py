"""Probability that each of k arms is best, and the expected loss of picking it.

Arms with independent posteriors are integrated exactly. Effects against one shared control
depend on each other; they are drawn, with a seed, and the Monte-Carlo error is reported.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.bayesian.quadrature import Density, Grid
from experiments.stats.estimation.sufficient_statistics import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BestArm:
    """P(best) and expected loss of every arm, control first.

    Attributes:
        probabilities: P(the arm has the highest value); they sum to 1.
        expected_losses: E(best value - the arm's value), at least 0.
        monte_carlo_errors: Standard errors of `probabilities` by simulation, None by quadrature.
    """

    probabilities: tuple[float, ...]
    expected_losses: tuple[float, ...]
    monte_carlo_errors: tuple[float, ...] | None = None


def best_on_grid(grid: Grid, densities: list[Density], *, slope: FloatArray) -> BestArm:
    """Return P(best) of arms whose independent posteriors live on one grid.

    P(best = i) = integral of f_i times the product of F_j over the other arms.

    Args:
        grid: Common nodes x.
        densities: One for each arm.
        slope: Derivative of the arms' value by x at the nodes, shape (p, 16), positive.

    Returns:
        Probabilities and losses in the unit of the value. The loss of arm i is the integral of
        F_i (1 - product of the other F_j): no difference of nearly equal numbers.

    Source: Scott (2010), "A modern Bayesian look at the multi-armed bandit", eq. 2.

    >>> from experiments.stats.bayesian.quadrature import make_grid, normalise
    >>> grid = make_grid(np.linspace(-12.0, 12.0, 49))
    >>> same = normalise(grid, -grid.nodes**2 / 2)
    >>> best = best_on_grid(grid, [same] * 4, slope=np.ones_like(grid.nodes))
    >>> round(best.expected_losses[0], 9)
    1.029375373
    """
    logs = [_log_below(density) for density in densities]
    chances, losses = [], []
    for index, density in enumerate(densities):
        # Summed without arm i rather than subtracted: its own term may dwarf all the others.
        others = np.sum(logs[:index] + logs[index + 1 :], axis=0)
        chances.append(float(np.sum(density.mass * np.exp(others))))
        losses.append(float(np.sum(grid.weights * slope * density.below * -np.expm1(others))))
    total = sum(chances)
    return BestArm(
        probabilities=tuple(chance / total for chance in chances), expected_losses=tuple(losses)
    )


def _log_below(density: Density) -> FloatArray:
    """Return ln P(X < node), exact at both ends; the floor meets only products that vanish."""
    low = np.log(np.maximum(density.below, 1e-320))
    return np.where(density.below < 0.5, low, np.log1p(-np.minimum(density.above, 0.75)))


def best_by_draws(
    means: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_draws: int = 20_000,
) -> BestArm:
    """Return P(best) of arms whose posterior is jointly normal with any covariance.

    Lifts or effects against one control share its noise. Control itself takes part with mean 0
    and variance 0, so that "none of them is better" has a probability too.

    Args:
        means: Posterior means, shape (k,), k >= 2.
        covariance: Shape (k, k), symmetric and positive semi-definite.
        rng: Source of the draws.
        n_draws: At least 100.

    Returns:
        Shares of draws, losses, and the Monte-Carlo standard errors of the shares. An arm that
        was best in no draw (or in all) has the error of one that was best in one draw.

    Raises:
        ValueError: If a shape is wrong, a number is not finite, the covariance is not positive
            semi-definite, or there are too few draws.

    >>> effects = best_by_draws([0, 1.0], np.diag([0, 1.0]), rng=np.random.default_rng(1))
    >>> round(effects.probabilities[1], 2), round(effects.monte_carlo_errors[1], 3)
    (0.84, 0.003)
    """
    root, centres = _root(means, covariance)
    if n_draws < 100:
        raise ValueError(f"n_draws must be at least 100, got {n_draws}")
    draws = centres + rng.standard_normal((n_draws, centres.size)) @ root.T
    best = draws.max(axis=1)
    counts = np.bincount(draws.argmax(axis=1), minlength=centres.size)
    share = counts / n_draws
    bounded = np.clip(share, 1 / n_draws, 1 - 1 / n_draws)
    errors = np.sqrt(bounded * (1 - bounded) / n_draws)
    return BestArm(
        probabilities=tuple(share.tolist()),
        expected_losses=tuple((best[:, None] - draws).mean(axis=0).tolist()),
        monte_carlo_errors=tuple(errors.tolist()),
    )


def lifts_with_prior(
    lifts: npt.ArrayLike, covariance: npt.ArrayLike, prior: NormalPrior
) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of the true lifts of one experiment under a prior.

    The prior is that of each lift by itself; the errors share the control's noise.

    Args:
        lifts: Observed lifts of the arms but the control, shape (m,), m >= 1.
        covariance: Covariance of their errors, shape (m, m), positive definite.
        prior: Normal prior on a lift.

    Returns:
        Mean of shape (m,) and covariance of shape (m, m).

    Source: Gelman et al. (2013), "Bayesian Data Analysis", section 3.5.

    >>> mean, covariance = lifts_with_prior([0.2], [[0.01]], NormalPrior(sd=0.1))
    >>> mean.round(6).tolist(), covariance.round(6).tolist()
    ([0.1], [[0.005]])
    """
    errors = np.asarray(covariance, dtype=np.float64)
    weight = prior.sd**2 * np.linalg.inv(errors + prior.sd**2 * np.eye(len(errors)))
    away = np.asarray(lifts, dtype=np.float64) - prior.mean
    posterior = prior.sd**2 * (np.eye(len(errors)) - weight)
    return prior.mean + weight @ away, (posterior + posterior.T) / 2


def _root(means: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return a matrix R with R R' = covariance, and the means."""
    centres = np.asarray(means, dtype=np.float64)
    matrix = np.asarray(covariance, dtype=np.float64)
    if centres.ndim != 1 or centres.size < 2 or matrix.shape != (centres.size,) * 2:
        raise ValueError(f"covariance must be k x k for k >= 2 means, got shape {matrix.shape}")
    if not (np.all(np.isfinite(centres)) and np.all(np.isfinite(matrix))):
        raise ValueError("means and covariance must be finite")
    values, vectors = np.linalg.eigh(matrix)
    slack = 1e-9 * max(float(values.max()), 0.0)
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0) or float(values.min()) < -slack:
        raise ValueError("covariance must be symmetric and positive semi-definite")
    return vectors * np.sqrt(np.maximum(values, 0.0)), centres
