import numpy as np
import pytest
from scipy.stats import bootstrap

from ml.evaluation.bootstrap import Estimate, estimate, interval, resample, total


def ratio(totals):
    return totals["hits"] / totals["pairs"]


@pytest.fixture
def sums():
    rng = np.random.default_rng(1)
    pairs = rng.integers(1, 10, 200).astype(float)
    return {"hits": rng.binomial(pairs.astype(int), 0.6).astype(float), "pairs": pairs}


def test_interval_agrees_with_scipys_percentile_bootstrap(sums):
    found = estimate(ratio, total(sums), resample(sums, rng=np.random.default_rng(2)))
    expected = bootstrap(
        (sums["hits"], sums["pairs"]),
        lambda hits, pairs, axis: hits.sum(axis) / pairs.sum(axis),
        paired=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert found.value == pytest.approx(sums["hits"].sum() / sums["pairs"].sum())
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.004)


def test_draws_are_the_same_for_every_name(sums):
    sums = sums | {"copy": sums["hits"], "wide": np.stack([sums["hits"]] * 3, axis=1)}
    drawn = resample(sums, rng=np.random.default_rng(1), n_draws=450)
    np.testing.assert_array_equal(drawn["hits"], drawn["copy"])
    np.testing.assert_array_equal(drawn["hits"], drawn["wide"][:, 2])
    assert drawn["wide"].shape == (450, 3)


def test_undefined_value_has_no_interval():
    sums = {"hits": np.zeros(3), "pairs": np.zeros(3)}
    drawn = resample(sums, rng=np.random.default_rng(1), n_draws=10)
    assert estimate(ratio, total(sums), drawn) == Estimate(value=None, low=None, high=None)


def test_draws_without_a_value_are_left_out():
    assert interval(1.0, np.array([np.nan, 1.0, 2.0]), level=0.9).high == pytest.approx(1.95)


def test_interval_holds_its_value():
    found = interval(0.1, np.array([0.2, 0.3, 0.4]), level=0.9)
    assert found.low == 0.1
