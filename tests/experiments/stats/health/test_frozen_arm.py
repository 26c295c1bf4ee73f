"""The evidence of a frozen arm: its size by hand, its guarantee and its power by simulation."""

from itertools import product
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial

from experiments.stats.health.frozen_arm import (
    ALARM,
    FRACTIONS,
    HOURS_TO_FALSE_ALARM,
    gathered_evidence,
    hour_evidence,
)


def test_evidence_is_the_mean_of_eight_likelihood_ratios():
    p, seen = (0.3, 0.7), (3, 9)
    ratios = [
        ((1 - f) + f * (k == 0) / p[0]) ** seen[0] * ((1 - f) + f * (k == 1) / p[1]) ** seen[1]
        for f in FRACTIONS
        for k in (0, 1)
    ]
    assert hour_evidence(seen, p).log_e == pytest.approx(log(sum(ratios) / len(ratios)))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.2, 0.3, 0.5)])
@pytest.mark.parametrize("n", [1, 7])
def test_expected_e_value_is_1_under_the_shares(shares, n):
    """Summed over every possible split of n visitors."""
    splits = [c for c in product(range(n + 1), repeat=len(shares)) if sum(c) == n]
    expected = sum(
        multinomial.pmf(c, n, shares) * exp(hour_evidence(c, shares).log_e) for c in splits
    )
    assert expected == pytest.approx(1)


def test_twenty_visitors_in_one_arm_raise_the_alarm():
    assert gathered_evidence(0, hour_evidence([20, 0], [0.5, 0.5])) >= ALARM
    assert gathered_evidence(0, hour_evidence([15, 0], [0.5, 0.5])) < ALARM


@given(st.lists(st.integers(0, 500), min_size=3, max_size=3), st.permutations([0, 1, 2]))
def test_evidence_does_not_depend_on_the_order_of_the_arms(counts, order):
    shares = [0.2, 0.3, 0.5]
    one = hour_evidence(counts, shares)
    other = hour_evidence([counts[k] for k in order], [shares[k] for k in order])
    assert other.log_e == pytest.approx(one.log_e, abs=1e-9)


def test_arm_without_a_share_is_left_out():
    whole, reduced = hour_evidence([4, 3, 9], [0.5, 0, 0.5]), hour_evidence([4, 9], [0.5, 0.5])
    assert whole.log_e == pytest.approx(reduced.log_e)
    assert (whole.arm, reduced.arm) == (2, 1)
    assert hour_evidence([5, 1], [1, 0]).log_e == 0


def test_hour_without_visitors_says_nothing():
    assert hour_evidence([0, 0], [0.5, 0.5]).log_e == pytest.approx(0)


def test_good_hours_do_not_hide_a_late_fault():
    evidence = 0.0
    for _ in range(1_000):
        evidence = gathered_evidence(evidence, hour_evidence([50, 50], [0.5, 0.5]))
    assert evidence < 0
    assert gathered_evidence(evidence, hour_evidence([0, 20], [0.5, 0.5])) >= ALARM


@pytest.mark.parametrize("counts", [[-1, 2], [0.5, 1], [float("nan"), 1], [[1, 2]], [1]])
def test_counts_must_be_counts(counts):
    with pytest.raises(ValueError, match=r"counts must|shares must"):
        hour_evidence(counts, [0.5, 0.5])


def hours_to_alarm(hours, shares):
    """Return the number of the hour with the first alarm, or None."""
    evidence = 0.0
    for number, counts in enumerate(hours, 1):
        evidence = gathered_evidence(evidence, hour_evidence(counts, shares))
        if evidence >= ALARM:
            return number
    return None


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_promised():
    """A week of hours with a changing number of visitors, 100 experiments."""
    rng = np.random.default_rng(20240611)
    n_hours, n_experiments, shares = 168, 100, [0.5, 0.3, 0.2]
    alarms = 0
    for _ in range(n_experiments):
        hours = rng.multinomial(rng.poisson(rng.choice([2, 30, 400], n_hours)), shares)
        alarms += hours_to_alarm(hours, shares) is not None
    bound = n_hours / HOURS_TO_FALSE_ALARM
    assert binomtest(alarms, n_experiments, bound, "greater").pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fraction", "visitors", "within"),
    [(1.0, 30, 1), (1.0, 5, 8), (0.5, 200, 2), (0.25, 400, 3)],
)
def test_frozen_arm_is_found_within_hours(fraction, visitors, within):
    """A cache before a part of the visitors freezes another arm each hour: totals look right."""
    rng = np.random.default_rng(20240612)
    shares, found, n_experiments = [0.5, 0.5], 0, 100
    for _ in range(n_experiments):
        good = [rng.multinomial(visitors, shares) for _ in range(24)]
        frozen = []
        for _ in range(within):
            cached = rng.binomial(visitors, fraction)
            counts = rng.multinomial(visitors - cached, shares)
            counts[rng.integers(2)] += cached
            frozen.append(counts)
        hour = hours_to_alarm([*good, *frozen], shares)
        found += hour is not None and hour > len(good)
    # At least 9 in 10: fails only if it is clearly fewer.
    assert binomtest(found, n_experiments, 0.9, "less").pvalue > 0.001
