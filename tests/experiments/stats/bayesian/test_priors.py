import math

import pytest

from experiments.stats.bayesian.priors import BetaPrior, FlatPrior, NormalPrior


def test_labels_name_the_family_and_every_number():
    assert FlatPrior().label == "flat"
    assert NormalPrior(mean=0.01, sd=0.3).label == "normal(mean 0.01, sd 0.3)"
    assert BetaPrior(a=0.5, b=0.5).label == "beta(0.5, 0.5)"


def test_scaled_multiplies_location_and_spread_and_keeps_the_source():
    normal = NormalPrior(mean=0.1, sd=0.3, source="34 tests").scaled(0.05)
    assert normal.source == "34 tests"
    assert (normal.mean, normal.sd) == pytest.approx((0.005, 0.015))
    assert FlatPrior().scaled(0.05) == FlatPrior()


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf])
def test_scaled_refuses_a_factor_that_is_not_positive(factor):
    for prior in (FlatPrior(), NormalPrior(sd=1)):
        with pytest.raises(ValueError, match="factor must be a positive number"):
            prior.scaled(factor)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e101])
def test_priors_refuse_a_mean_that_is_not_finite(value):
    with pytest.raises(ValueError, match="prior mean must be finite"):
        NormalPrior(mean=value, sd=1)


@pytest.mark.parametrize("value", [0.0, -0.1, math.nan, math.inf])
def test_priors_refuse_a_spread_that_is_not_positive(value):
    with pytest.raises(ValueError, match="prior sd must be a positive number"):
        NormalPrior(sd=value)


@pytest.mark.parametrize(("a", "b", "field"), [(0.0, 1.0, "prior a"), (1.0, math.nan, "prior b")])
def test_beta_prior_refuses_counts_below_a_tenth(a, b, field):
    with pytest.raises(ValueError, match=f"{field} must be finite and at least 0.1"):
        BetaPrior(a=a, b=b)
