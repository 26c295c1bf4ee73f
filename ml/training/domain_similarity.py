"""Domain similarity of two sets of texts, measured before any transfer between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

Vectors = NDArray[np.floating]

# Texts of each side that are compared: the kernels of more would fill memory.
MAX_TEXTS = 1_000
N_PERMUTATIONS = 200
N_FOLDS = 5
# A source text counts at most so much: one text must not carry the training.
MAX_RATIO = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """Measures of likeness between source and target texts.

    Args:
        mmd: Maximum mean discrepancy, squared and unbiased; 0 for equal distributions.
        mmd_p_value: Share of random relabellings with a larger one, in (0, 1].
        proxy_a_distance: 2 (1 - 2 e), e the error of a classifier that separates the sides; 0
            where it cannot, 2 where it always can.
        n_source: Source texts compared.
        n_target: Target texts compared.
    """

    mmd: float
    mmd_p_value: float
    proxy_a_distance: float
    n_source: int
    n_target: int


def measure_similarity(source: Vectors, target: Vectors, *, rng: np.random.Generator) -> Similarity:
    """Compare the vectors of source and target texts.

    Args:
        source: Float (n, d).
        target: Float (m, d).
        rng: Source of the samples and relabellings.

    Raises:
        ValueError: If a side has fewer texts than the classifier has folds.

    >>> rng = np.random.default_rng(1)
    >>> found = measure_similarity(rng.normal(size=(99, 4)), rng.normal(size=(99, 4)), rng=rng)
    >>> found.mmd_p_value > 0.05, found.proxy_a_distance < 0.6
    (True, True)
    """
    if min(len(source), len(target)) < N_FOLDS:
        raise ValueError(f"texts: {min(len(source), len(target))} are fewer than {N_FOLDS}")
    first, second = _sample(source, rng), _sample(target, rng)
    mmd, p_value = _mmd(first, second, rng)
    probability, is_target = _domain_probabilities(first, second)
    error = _balanced_error(probability, is_target)
    return Similarity(
        mmd=mmd,
        mmd_p_value=p_value,
        proxy_a_distance=float(max(0.0, 2 * (1 - 2 * error))),
        n_source=len(first),
        n_target=len(second),
    )


def density_ratios(source: Vectors, target: Vectors) -> NDArray[np.float64]:
    """Return how much more often a source text would occur among the target's, clipped, mean 1.

    Args:
        source: Float (n, d).
        target: Float (m, d).

    Returns:
        Weights p(target) / p(source) by a logistic classifier that did not see the text,
        float64 (n,), each at most 10 before they are scaled to mean 1.

    Source: Bickel, Brueckner and Scheffer (2009), JMLR 10, section 4; clipping: Ionides (2008).

    >>> rng = np.random.default_rng(1)
    >>> near, far = rng.normal(0, 1, (99, 1)), rng.normal(6, 1, (99, 1))
    >>> ratios = density_ratios(np.concatenate([near, far]), near)
    >>> bool(ratios[:99].mean() > 10 * ratios[99:].mean())
    True
    """
    probability, _ = _domain_probabilities(source, target)
    chance = np.clip(probability[: len(source)], 1e-6, 1 - 1e-6)
    ratios = np.minimum(chance / (1 - chance) * len(source) / len(target), MAX_RATIO)
    return np.asarray(ratios / ratios.mean(), dtype=np.float64)


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Return the effective sample size: (sum w)^2 / sum w^2.

    Args:
        weights: Not negative, float64 (n,); some are positive.

    Source: Kish (1965), Survey Sampling.

    >>> effective_sample_size(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    return float(weights.sum() ** 2 / np.sum(weights**2))


def align_covariance(source: Vectors, target: Vectors) -> NDArray[np.float64]:
    """Return the map that gives source vectors the covariance of the target's, float64 (d, d).

    Args:
        source: Float (n, d), centred.
        target: Float (m, d), centred.

    Returns:
        C_s^(-1/2) C_t^(1/2), each covariance with a hundredth of its mean variance added.

    Source: CORAL, Sun, Feng and Saenko (2016), AAAI, equations 4 and 5.

    >>> map_ = align_covariance(np.array([[1.0], [-1.0]]), np.array([[3.0], [-3.0]]))
    >>> map_.round(2)
    array([[3.]])
    """
    return _power(source, -0.5) @ _power(target, 0.5)


def log_evidence(
    features: NDArray[np.float64], target: NDArray[np.float64], *, max_steps: int = 100
) -> float:
    """Return LogME: log evidence a row of a Bayesian linear model, maximised over both precisions.

    A higher value means that a head on these features is likelier to fit; it ranks encoders and
    layers, it decides nothing.

    Args:
        features: Float64 (n, d), centred.
        target: Float64 (n,), centred.
        max_steps: Steps of the fixed point, >= 1.

    Source: You et al. (2021), ICML, "LogME", algorithm 1.

    >>> rng = np.random.default_rng(1)
    >>> features = rng.normal(size=(200, 3))
    >>> good = features @ np.ones(3) + rng.normal(size=200)
    >>> log_evidence(features, good) > log_evidence(features, rng.permutation(good))
    True
    """
    n, _ = features.shape
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    squares, projections = singular**2, (left.T @ target) ** 2
    residual = float(target @ target - projections.sum())
    alpha, beta = 1.0, 1.0
    for _ in range(max_steps):
        precision = alpha + beta * squares
        gamma = float(np.sum(beta * squares / precision))
        squared_weights = float(np.sum((beta * singular / precision) ** 2 * projections))
        squared_error = float(np.sum((alpha / precision) ** 2 * projections)) + residual
        new_alpha, new_beta = (
            gamma / max(squared_weights, 1e-12),
            (n - gamma) / max(squared_error, 1e-12),
        )
        converged = abs(new_alpha / new_beta / (alpha / beta) - 1) < 1e-4
        alpha, beta = new_alpha, new_beta
        if converged:
            break
    precision = alpha + beta * squares
    squared_error = float(np.sum((alpha / precision) ** 2 * projections)) + residual
    squared_weights = float(np.sum((beta * singular / precision) ** 2 * projections))
    evidence = (
        n / 2 * np.log(beta)
        + len(squares) / 2 * np.log(alpha)
        - n / 2 * np.log(2 * np.pi)
        - beta / 2 * squared_error
        - alpha / 2 * squared_weights
        - np.log(precision).sum() / 2
    )
    return float(evidence / n)


def _sample(vectors: Vectors, rng: np.random.Generator) -> Vectors:
    if len(vectors) <= MAX_TEXTS:
        return vectors
    return vectors[rng.choice(len(vectors), MAX_TEXTS, replace=False)]


def _mmd(first: Vectors, second: Vectors, rng: np.random.Generator) -> tuple[float, float]:
    """Return the squared discrepancy under a Gaussian kernel of median width, and its p-value.

    Source: Gretton et al. (2012), JMLR 13, lemma 6 (unbiased) and section 5 (permutations).
    """
    rows = np.concatenate([first, second]).astype(np.float64)
    squares = np.sum(rows**2, axis=1)
    distance = np.maximum(squares[:, None] + squares[None] - 2 * rows @ rows.T, 0.0)
    kernel = np.exp(-distance / max(float(np.median(distance)), 1e-12))
    np.fill_diagonal(kernel, 0.0)
    n, m = len(first), len(second)
    labels = np.arange(n + m) < n

    def discrepancy(is_first: NDArray[np.bool_]) -> float:
        with_first = kernel @ is_first
        within_first = float(with_first[is_first].sum())
        between = float(with_first[~is_first].sum())
        within_second = float(kernel.sum()) - within_first - 2 * between
        return within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * between / (n * m)

    observed = discrepancy(labels)
    permuted = [discrepancy(rng.permutation(labels)) for _ in range(N_PERMUTATIONS)]
    larger = sum(each >= observed for each in permuted)
    return observed, (1 + larger) / (1 + N_PERMUTATIONS)


def _domain_probabilities(
    first: Vectors, second: Vectors
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the chance that each row is of the second side, by models that did not see it."""
    rows = np.concatenate([first, second])
    is_second = np.arange(len(rows)) >= len(first)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    model = LogisticRegression(C=10.0, max_iter=1000)
    probability = cross_val_predict(model, rows, is_second, cv=folds, method="predict_proba")[:, 1]
    return probability, is_second


def _balanced_error(probability: NDArray[np.float64], is_second: NDArray[np.bool_]) -> float:
    """Return the error at the threshold of equal priors, sides counted equally."""
    wrong = (probability > is_second.mean()) != is_second
    return float((wrong[is_second].mean() + wrong[~is_second].mean()) / 2)


def _power(rows: Vectors, exponent: float) -> NDArray[np.float64]:
    """Return a power of the covariance of centred rows, float64 (d, d)."""
    covariance = rows.T.astype(np.float64) @ rows / len(rows)
    covariance += 0.01 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * values**exponent) @ vectors.T)
