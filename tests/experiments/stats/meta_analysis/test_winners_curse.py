import csv
import gzip
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from experiments.stats.bayesian.priors import FlatPrior, NormalPrior
from experiments.stats.meta_analysis.winners_curse import (
    NOT_SELECTED,
    WEAK_PRIOR,
    Assumption,
    believed_lift,
    pooled_lifts,
    significant_lift,
    weakly_believed_lift,
)

C = norm.ppf(0.975)


def chance_beyond(theta, z, critical):
    """P(Z >= z | |Z| >= critical; theta), straight from the definition."""
    return norm.sf(z - theta) / (norm.sf(critical - theta) + norm.cdf(-critical - theta))


@pytest.mark.parametrize("z", [2.0, 2.3, 3.0, 5.0])
def test_significant_lift_solves_its_own_definition(z):
    result = significant_lift(0.1 * z, 0.1, critical=C, level=0.9)
    assert chance_beyond(result.estimate / 0.1, z, C) == pytest.approx(0.5, abs=1e-9)
    low, high = (end / 0.1 for end in result.interval)
    assert chance_beyond(low, z, C) == pytest.approx(0.05, abs=1e-9)
    assert chance_beyond(high, z, C) == pytest.approx(0.95, abs=1e-9)
    assert (result.raw, result.assumption) == (0.1 * z, Assumption.SIGNIFICANCE)


def test_significant_lift_just_at_the_boundary_is_nothing():
    result = significant_lift(C, 1.0, critical=C)
    assert result.estimate == pytest.approx(0, abs=1e-9)


def test_significant_lift_far_beyond_the_boundary_is_the_raw_one():
    result = significant_lift(50.0, 1.0, critical=C)
    assert result.estimate == pytest.approx(50)
    assert result.interval == pytest.approx((50 - C, 50 + C))


def test_a_lift_below_the_boundary_was_not_selected():
    result = significant_lift(0.1, 0.1, critical=C)
    assert (result.estimate, result.interval, result.reason) == (None, None, NOT_SELECTED)


@settings(max_examples=30)
@given(z=st.floats(2, 1e6), se=st.floats(1e-6, 1e6), critical=st.floats(0, 2))
def test_significant_lift_lies_between_zero_and_the_raw_one_and_mirrors(z, se, critical):
    up = significant_lift(z * se, se, critical=critical)
    down = significant_lift(-z * se, se, critical=critical)
    slack = 1e-9 * z * se
    assert -slack <= up.estimate <= z * se + slack
    assert up.interval[0] <= up.estimate <= up.interval[1]
    assert down.estimate == pytest.approx(-up.estimate, abs=slack)
    assert down.interval == pytest.approx((-up.interval[1], -up.interval[0]), abs=slack)


@pytest.mark.parametrize(
    ("lift", "se", "critical", "level", "message"),
    [
        (math.nan, 1, 2, 0.95, "lift must be finite"),
        (1, 0, 2, 0.95, "se must be positive"),
        (1, math.inf, 2, 0.95, "se must be positive"),
        (1, 1, -1, 0.95, "critical must be at least 0"),
        (1, 1, math.nan, 0.95, "critical must be at least 0"),
        (1, 1, 2, 1.0, "level must be in"),
    ],
)
def test_significant_lift_refuses_bad_input(lift, se, critical, level, message):
    with pytest.raises(ValueError, match=message):
        significant_lift(lift, se, critical=critical, level=level)


def test_weakly_believed_lift_weighs_the_prior_by_its_precision():
    half = 1.959963985 * 0.05
    result = weakly_believed_lift(0.23, 0.2, (0.2 - half, 0.2 + half))
    weight = 0.25**2 / (0.25**2 + 0.05**2)
    assert result.raw == 0.23
    assert result.estimate == pytest.approx(0.2 * weight, rel=1e-6)
    assert result.assumption == Assumption.WEAK_PRIOR
    assert result.prior == WEAK_PRIOR.label
    spread = half * math.sqrt(weight)
    assert result.interval == pytest.approx(
        (result.estimate - spread, result.estimate + spread), rel=1e-6
    )


@pytest.mark.parametrize(
    ("estimate", "interval", "level", "message"),
    [
        (math.inf, (0.1, 0.3), 0.95, "estimate must be finite"),
        (0.2, (0.3, 0.1), 0.95, "standard error must be positive"),
        (0.2, (0.1, 0.3), 1.0, "level"),
    ],
)
def test_weakly_believed_lift_refuses_bad_input(estimate, interval, level, message):
    with pytest.raises(ValueError, match=message):
        weakly_believed_lift(0.2, estimate, interval, level=level)


def test_pooled_lifts_bring_the_best_arm_back():
    results = pooled_lifts([0.10, 0.02, 0.03, 0.01], [0.03] * 4, shared_variance=0.00045)
    best = results[0]
    assert 0.04 < best.estimate < 0.10 == best.raw
    assert best.assumption is Assumption.POOLING
    assert best.interval[0] < best.estimate < best.interval[1]
    with pytest.raises(ValueError, match="length of at least 2"):
        pooled_lifts([0.1], [0.03])


def test_believed_lift_is_the_posterior_mean():
    result = believed_lift(0.16, 0.08, prior=NormalPrior(sd=0.08))
    assert result.estimate == pytest.approx(0.08)
    assert (result.prior, result.assumption) == ("normal(mean 0, sd 0.08)", Assumption.PRIOR)
    assert believed_lift(0.16, 0.08, prior=FlatPrior()).estimate == pytest.approx(0.16)
    with pytest.raises(ValueError, match="level must be in"):
        believed_lift(0.16, 0.08, prior=FlatPrior(), level=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("theta", [0.0, 1.0, 2.5])
def test_significant_lift_is_median_unbiased_and_covers_given_selection(theta):
    rng = np.random.default_rng(20261122)
    z = rng.normal(theta, 1, 60_000)
    selected = z[np.abs(z) >= C][:2_000]
    rows = [significant_lift(x, 1.0, critical=C, level=0.9) for x in selected]
    above = sum(row.estimate > theta for row in rows)
    covered = sum(row.interval[0] <= theta <= row.interval[1] for row in rows)
    assert binomtest(above, len(rows), 0.5).pvalue > 0.001
    assert binomtest(covered, len(rows), 0.9).pvalue > 0.001
    raw_bias = np.median(selected) - theta
    if theta == 1.0:
        assert raw_bias > 1  # reported lifts are more than twice the truth


@pytest.mark.slow
def test_pooling_removes_most_of_the_best_arms_excess():
    rng = np.random.default_rng(20261122)
    raw, pooled = [], []
    for _ in range(500):
        truth = rng.normal(0.02, 0.02, 5)
        shared = rng.normal(0, 0.02)
        lifts = rng.normal(truth, 0.03) + shared
        results = pooled_lifts(lifts.tolist(), [math.hypot(0.03, 0.02)] * 5, shared_variance=0.0004)
        best = int(np.argmax(lifts))
        raw.append(lifts[best] - truth[best])
        pooled.append(results[best].estimate - truth[best])
    assert np.mean(raw) > 0.025
    assert abs(np.mean(pooled)) < 0.4 * np.mean(raw)


@pytest.mark.needs_shared
def test_weak_prior_is_as_wide_as_the_wordings_of_one_article(shared_dir):
    """Moments within Upworthy's tests: spread of log rates beyond what chance adds."""
    tests = defaultdict(list)
    path = shared_dir / "data" / "upworthy" / "history.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["suspect_randomization"] == "0" and int(row["clicks"]) > 0:
                n, clicks = int(row["impressions"]), int(row["clicks"])
                tests[row["test_id"]].append((math.log(clicks / n), (1 - clicks / n) / clicks))
    squares = freedom = 0.0
    for arms in tests.values():
        if len(arms) > 1:
            values, noise = np.array(arms).T
            squares += (len(arms) - 1) * (values.var(ddof=1) - noise.mean())
            freedom += len(arms) - 1
    spread = math.sqrt(squares / freedom)
    assert freedom > 9_000
    assert spread == pytest.approx(WEAK_PRIOR.sd, abs=0.01)
    # Two wordings differ by more: the prior is rather narrow for them.
    assert math.sqrt(2) * spread == pytest.approx(0.36, abs=0.01)
