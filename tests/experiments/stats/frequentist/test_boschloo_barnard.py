from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.frequentist.boschloo_barnard import (
    barnard_p_value,
    boschloo_one_sided,
    boschloo_p_value,
    fisher_bounds,
    fisher_one_sided,
    region_probability,
)

CASES = [
    ((1, 20, 7, 20), 0.021502, 0.021596),
    ((2, 25, 9, 25), 0.018639, 0.018639),
    ((5, 50, 14, 50), 0.024461, 0.023666),
    ((0, 20, 3, 20), 0.153861, 0.086120),
]
RATES = np.linspace(0.0005, 0.9995, 500)


@pytest.mark.parametrize(("table", "boschloo", "barnard"), CASES)
def test_p_values_match_the_notes(table, boschloo, barnard):
    assert boschloo_p_value(*table) == pytest.approx(boschloo, abs=5e-7)
    assert barnard_p_value(*table) == pytest.approx(barnard, abs=5e-7)


@pytest.mark.parametrize("table", [(3, 8, 9, 12), (7, 7, 0, 9), (50, 200, 70, 190), (0, 5, 1, 40)])
def test_p_values_match_scipy(table):
    a, n_a, b, n_b = table
    columns = [[b, a], [n_b - b, n_a - a]]
    # More points than scipy's default of 32, whose maximum over the nuisance rate is coarser.
    boschloo = stats.boschloo_exact(columns, n=64).pvalue
    barnard = stats.barnard_exact(columns, n=64).pvalue
    assert boschloo_p_value(*table) == pytest.approx(boschloo, rel=1e-9)
    assert barnard_p_value(*table) == pytest.approx(barnard, rel=1e-9)


def test_arms_are_columns():
    # With the arms as rows scipy answers another question for the same counts: 0.0263.
    assert barnard_p_value(50, 1000, 80, 1000) == pytest.approx(0.0068, abs=5e-5)


def test_fisher_one_sided_equals_scipy():
    for a, b in ((0, 3), (3, 0), (2, 2), (5, 7)):
        scipy_p = stats.fisher_exact([[b, a], [9 - b, 8 - a]], alternative="greater").pvalue
        assert fisher_one_sided(a, 8, b, 9) == pytest.approx(scipy_p, rel=1e-12)


def test_fisher_bounds_are_the_first_extreme_tables():
    bounds = fisher_bounds(9, 14, 0.05)
    for a, bound in enumerate(bounds):
        extreme = fisher_one_sided(a, 9, np.arange(15), 14) <= 0.05
        assert bound == (np.argmax(extreme) if extreme.any() else 15)


def test_region_probability_equals_the_double_sum():
    first, last = np.array([2, 3, 5]), np.array([-1, 0, 1])
    total = 0.0
    for a in range(3):
        for b in range(5):
            if b >= first[a] or b <= last[a]:
                total += stats.binom.pmf(a, 2, 0.3) * stats.binom.pmf(b, 4, 0.3)
    assert region_probability(np.array([0.3]), (2, 4), first, last) == pytest.approx([total])


tables = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@settings(max_examples=15)
@given(table=tables)
def test_swapping_arms_or_outcomes_changes_nothing(table):
    a, n_a, b, n_b = table
    for p_value in (boschloo_p_value, barnard_p_value):
        one = p_value(a, n_a, b, n_b)
        assert 0 <= one <= 1
        assert p_value(b, n_b, a, n_a) == pytest.approx(one, rel=1e-8)
        assert p_value(n_a - a, n_a, n_b - b, n_b) == pytest.approx(one, rel=1e-6)


@settings(max_examples=15)
@given(table=tables)
def test_boschloo_is_never_above_twice_fishers_one_sided_p_value(table):
    a, n_a, b, n_b = table
    sides = fisher_one_sided(a, n_a, b, n_b), fisher_one_sided(b, n_b, a, n_a)
    assert boschloo_p_value(*table) <= 2 * min(sides) * (1 + 1e-9)


@cache
def binomials(n):
    """Probabilities of 0 to n clicks at each of the common rates."""
    return stats.binom.pmf(np.arange(n + 1), n, RATES[:, None])


def rejection_rate(rejects):
    """The largest probability of a rejected table over common rates, summed over all tables."""
    n_a, n_b = (size - 1 for size in rejects.shape)
    return float(np.sum(binomials(n_a) @ rejects * binomials(n_b), axis=1).max())


def rejects_by_enumeration(n_a, n_b, p_value, alpha):
    return np.array(
        [[p_value(a, n_a, b, n_b) <= alpha for b in range(n_b + 1)] for a in range(n_a + 1)],
        dtype=float,
    )


def rejects_by_bisection(p_value, statistic, alpha, *, guess):
    """Mark the rejected tables of one side: p-values fall as the statistic gets more extreme.

    Looked for from a guess outwards, in steps that double: it takes half the p-values.
    """
    n_a, n_b = (size - 1 for size in statistic.shape)
    levels = np.unique(np.round(statistic, 12))
    first, last = -1, levels.size  # rejected up to `first`, kept from `last` on
    near, step = int(np.searchsorted(levels, guess)), 1
    while last - first > 1:
        middle = near if first < near < last else (first + last) // 2
        a, b = np.argwhere(np.abs(statistic - levels[middle]) < 1e-11)[0]
        if p_value(int(a), n_a, int(b), n_b) <= alpha:
            first, near = middle, middle + step
        else:
            last, near = middle, middle - step
        step *= 2
    return (statistic <= (levels[first] if first >= 0 else -np.inf) + 1e-11).astype(float)


def fisher_table(n_a, n_b):
    """P(arm's clicks >= b | all clicks) of every table, straight from scipy."""
    a, b = np.arange(n_a + 1)[:, None], np.arange(n_b + 1)[None, :]
    return stats.hypergeom.sf(b - 1, n_a + n_b, n_b, a + b)


def pooled_z_table(n_a, n_b):
    a, b = np.arange(n_a + 1)[:, None], np.arange(n_b + 1)[None, :]
    pooled = (a + b) / (n_a + n_b)
    with np.errstate(invalid="ignore"):
        z = (b / n_b - a / n_a) / np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return np.nan_to_num(z)


def boschloo_rejects(n_a, n_b, alpha):
    # Two-sided means twice the smaller one-sided p-value.
    better, worse = (
        rejects_by_bisection(boschloo_one_sided, fisher_table(*sizes), alpha / 2, guess=alpha)
        for sizes in ((n_a, n_b), (n_b, n_a))
    )
    return np.maximum(better, worse.T)


def barnard_rejects(n_a, n_b, alpha):
    z, critical = pooled_z_table(n_a, n_b), stats.norm.isf(alpha / 2)
    return rejects_by_bisection(barnard_p_value, -np.abs(z), alpha, guess=-critical)


def test_boschloo_uses_more_of_alpha_than_fisher():
    def fisher(a, n_a, b, n_b):
        return stats.fisher_exact([[b, a], [n_b - b, n_a - a]]).pvalue

    # Measured for the notes with scipy's own tests.
    boschloo_size = rejection_rate(rejects_by_enumeration(8, 12, boschloo_p_value, 0.05))
    fisher_size = rejection_rate(rejects_by_enumeration(8, 12, fisher, 0.05))
    assert boschloo_size == pytest.approx(0.043, abs=5e-4)
    assert fisher_size == pytest.approx(0.023, abs=5e-4)


@pytest.mark.parametrize("sizes", [(5, 9), (8, 8)])
def test_bisection_finds_the_same_tables_as_enumeration(sizes):
    for p_value, rejects in (
        (boschloo_p_value, boschloo_rejects),
        (barnard_p_value, barnard_rejects),
    ):
        every = rejects_by_enumeration(*sizes, p_value, 0.05)
        assert np.array_equal(rejects(*sizes, 0.05), every)


@pytest.mark.slow
@pytest.mark.parametrize("rejects", [boschloo_rejects, barnard_rejects])
def test_true_size_is_at_most_alpha_for_every_pair_of_arms_up_to_thirty(rejects):
    sizes = [
        rejection_rate(rejects(n_a, n_b, 0.05)) for n_a in range(2, 31) for n_b in range(n_a, 31)
    ]
    assert max(sizes) <= 0.05
    # Not by being idle: most pairs of arms use most of alpha.
    assert np.median(sizes) > 0.04
