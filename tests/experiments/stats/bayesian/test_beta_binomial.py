import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import betaln

from experiments.stats.bayesian.beta_binomial import (
    best_of_rates,
    compare_rates,
    effect_distribution,
    log_ratio_distribution,
)
from experiments.stats.bayesian.beta_posterior import beta_posterior
from experiments.stats.bayesian.normal_model import Scale
from experiments.stats.bayesian.priors import BetaPrior

CASES = [
    ((500, 10_000), (580, 10_000), 0.9938365832, 6.36052e-6),
    ((14, 28), (16, 30), 0.5985482067, 0.0359714484),
    ((1, 10), (5, 10), 0.9682662539, 0.0023780679),
    ((0, 20), (3, 20), 0.9465290807, 0.0022044037),
]


def belief(clicks, n, prior=None):
    return beta_posterior(clicks=clicks, n=n, prior=prior or BetaPrior())


def chance_by_sum(control, arm):
    """P(pB > pA) by the finite sum over integer clicks: another road to the same number."""
    i = np.arange(int(arm.a))
    terms = betaln(control.a + i, control.b + arm.b) - np.log(arm.b + i)
    terms = terms - betaln(1 + i, arm.b) - betaln(control.a, control.b)
    return float(np.exp(terms).sum())


@pytest.mark.parametrize(("a", "b", "chance", "loss"), CASES)
def test_comparison_matches_the_notes(a, b, chance, loss):
    result = compare_rates(belief(*a), belief(*b))
    assert result.chance_to_win == pytest.approx(chance, abs=1e-10)
    assert result.expected_loss == pytest.approx(loss, rel=1e-6)
    assert (result.model, result.prior) == ("beta-binomial", "beta(1, 1)")


@settings(max_examples=15)
@given(data=st.data(), n_a=st.integers(1, 300), n_b=st.integers(1, 300))
def test_chance_equals_the_sum_over_clicks(data, n_a, n_b):
    a = belief(data.draw(st.integers(0, n_a)), n_a)
    b = belief(data.draw(st.integers(0, n_b)), n_b)
    assert best_of_rates((a, b)).probabilities[1] == pytest.approx(
        chance_by_sum(a, b), rel=1e-9, abs=1e-300
    )


def test_chance_keeps_its_digits_far_in_the_tail():
    # The finite sum in 40-digit arithmetic (mpmath 1.3): 100/1000 beating 400/1000.
    best = best_of_rates((belief(100, 1000), belief(400, 1000)))
    assert best.probabilities[0] == pytest.approx(3.499435392648681e-57, rel=1e-11)


def test_losses_and_chances_agree_with_single_integrals():
    a, b = belief(2, 9), belief(4, 11, BetaPrior(a=0.5, b=0.5))
    control, arm = stats.beta(a.a, a.b), stats.beta(b.a, b.b)
    chance = integrate.quad(lambda p: arm.pdf(p) * control.cdf(p), 0, 1, epsabs=1e-12)[0]
    # E max(pA - pB, 0) is the integral of P(pB < p < pA).
    loss = integrate.quad(lambda p: arm.cdf(p) * control.sf(p), 0, 1, epsabs=1e-12)[0]
    best = best_of_rates((a, b))
    assert best.probabilities[1] == pytest.approx(chance, abs=1e-9)
    assert best.expected_losses[1] == pytest.approx(loss, rel=1e-9)


def test_effect_interval_of_two_uniforms_is_that_of_the_triangle():
    result = compare_rates(belief(0, 0), belief(0, 0))
    edge = 1 - math.sqrt(0.05)
    assert result.interval == pytest.approx((-edge, edge), rel=1e-11)
    assert result.expected_loss == pytest.approx(1 / 6, rel=1e-12)


def test_lift_interval_of_two_uniforms_is_that_of_their_ratio():
    # P(U2 / U1 < r) = r / 2 up to 1, 1 - 1 / (2 r) beyond.
    result = compare_rates(belief(0, 0), belief(0, 0), scale=Scale.LIFT)
    assert result.interval == pytest.approx((0.05 - 1, 20 - 1), rel=1e-10)
    assert result.estimate == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("scale", list(Scale))
@pytest.mark.parametrize(
    ("a", "b"),
    [((1, 10), (5, 10)), ((0, 20), (3, 20)), ((3, 9), (900, 2_000)), ((900, 2_000), (3, 9))],
)
def test_intervals_agree_with_draws(a, b, scale):
    rng = np.random.default_rng(20261122)
    arms = [belief(*a), belief(*b)]
    p_a, p_b = (rng.beta(arm.a, arm.b, 400_000) for arm in arms)
    values = p_b - p_a if scale is Scale.EFFECT else p_b / p_a - 1
    low, high = compare_rates(*arms, scale=scale, level=0.9).interval
    # Four standard errors of a share of 5 % among 400,000 draws.
    assert (values < low).mean() == pytest.approx(0.05, abs=0.0014)
    assert (values > high).mean() == pytest.approx(0.05, abs=0.0014)


def test_losses_on_the_lift_scale_are_relative_to_control():
    arms = belief(500, 10_000), belief(580, 10_000)
    effect, lift = (compare_rates(*arms, scale=scale) for scale in (Scale.EFFECT, Scale.LIFT))
    assert lift.expected_loss == pytest.approx(effect.expected_loss / arms[0].mean)
    assert lift.estimate == pytest.approx(0.159784, abs=1e-6)


@pytest.mark.parametrize("n", [10**9, 10**12, 10**13])
def test_huge_counts_approach_the_normal_limit(n):
    rate = 0.05
    sd = math.sqrt(2 * rate * (1 - rate) / n)
    step = round(1.5 * sd * n)
    result = compare_rates(belief(n // 20, n), belief(n // 20 + step, n))
    z = step / n / sd
    assert result.chance_to_win == pytest.approx(stats.norm.cdf(z), abs=2e-5)
    # Skewness of order n^-1/2 is left at 1e9.
    edges = ((z - 1.959964) * sd, (z + 1.959964) * sd)
    assert result.interval == pytest.approx(edges, abs=5e-4 * sd)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((0, 10**12), (0, 10**12)),
        ((0, 10**12), (10**12, 10**12)),
        ((5, 10), (5 * 10**11, 10**12)),
        ((0, 0), (10**12, 10**12)),
        ((10**13, 10**13), (0, 10**13)),
    ],
)
@pytest.mark.parametrize("scale", list(Scale))
def test_extreme_counts_give_finite_ordered_answers(a, b, scale):
    result = compare_rates(belief(*a), belief(*b), scale=scale)
    low, high = result.interval
    numbers = (low, high, result.estimate, result.expected_loss, result.expected_loss_control)
    assert all(map(math.isfinite, numbers))
    assert low < high
    assert 0 <= result.chance_to_win <= 1
    assert min(result.expected_loss, result.expected_loss_control) >= 0


def test_laplace_limit_of_two_silent_arms_is_exact():
    # Rates of 0 clicks in n visitors are exponential / n: the difference is Laplace / n.
    n = 10**12
    result = compare_rates(belief(0, n), belief(0, n))
    edge = math.log(20) / n
    assert result.interval == pytest.approx((-edge, edge), rel=1e-9)
    assert result.expected_loss == pytest.approx(0.5 / n, rel=1e-9)


@settings(max_examples=15)
@given(data=st.data(), n_a=st.integers(0, 10**6), n_b=st.integers(0, 10**6))
def test_swapping_the_arms_mirrors_the_answer(data, n_a, n_b):
    a = belief(data.draw(st.integers(0, n_a)), n_a)
    b = belief(data.draw(st.integers(0, n_b)), n_b)
    one, two = compare_rates(a, b), compare_rates(b, a)
    assert one.chance_to_win + two.chance_to_win == pytest.approx(1, abs=1e-9)
    assert one.expected_loss == pytest.approx(two.expected_loss_control, rel=1e-9, abs=1e-300)
    assert one.interval[0] == pytest.approx(-two.interval[1], rel=1e-6, abs=1e-9 * (a.sd + b.sd))


@settings(max_examples=15)
@given(clicks=st.integers(0, 99), n=st.integers(100, 10**9))
def test_one_more_click_never_lowers_the_chance(clicks, n):
    control = belief(50, 1_000)
    fewer, more = (best_of_rates((control, belief(c, n))) for c in (clicks, clicks + 1))
    assert more.probabilities[1] >= fewer.probabilities[1] * (1 - 1e-9)
    assert more.expected_losses[1] <= fewer.expected_losses[1] * (1 + 1e-9)


def test_best_of_five_rates_matches_draws():
    counts = [(50, 1_000), (55, 1_000), (61, 1_000), (3, 40), (0, 5)]
    arms = [belief(*count) for count in counts]
    best = best_of_rates(arms)
    rng = np.random.default_rng(20261122)
    draws = np.column_stack([rng.beta(arm.a, arm.b, 400_000) for arm in arms])
    share = np.bincount(draws.argmax(axis=1), minlength=5) / len(draws)
    assert best.probabilities == pytest.approx(share, abs=0.0032)
    losses = (draws.max(axis=1)[:, None] - draws).mean(axis=0)
    assert best.expected_losses == pytest.approx(losses, rel=0.01)


@pytest.mark.parametrize(
    ("clicks", "n", "message"),
    [
        (-1, 10, "clicks must be in"),
        (11, 10, "clicks must be in"),
        (math.nan, 10, "clicks must be in"),
        (0, -1, "n must be in"),
        (0, math.inf, "n must be in"),
        (0, math.nan, "n must be in"),
        (0, 2e13, "n must be in"),
    ],
)
def test_posterior_refuses_impossible_counts(clicks, n, message):
    with pytest.raises(ValueError, match=message):
        beta_posterior(clicks=clicks, n=n)


def test_lift_interval_exists_at_a_level_near_one():
    """Uniform rates: 1 + lift is beyond x with probability 1 / (2 x)."""
    uniform = beta_posterior(clicks=0, n=0)
    interval = compare_rates(uniform, uniform, level=1 - 2e-8, scale=Scale.LIFT).interval
    assert interval[1] == pytest.approx(1 / 2e-8, rel=1e-3)


def test_comparison_refuses_one_arm_and_a_bad_level():
    with pytest.raises(ValueError, match="at least two arms"):
        best_of_rates([belief(1, 2)])
    with pytest.raises(ValueError, match="level must be in"):
        compare_rates(belief(1, 2), belief(1, 2), level=1.0)


@pytest.mark.slow
def test_credible_intervals_cover_at_their_level_under_the_prior():
    rng = np.random.default_rng(20261122)
    n_tests, level, prior = 2_000, 0.9, BetaPrior(a=2, b=30)
    hits = np.zeros(2)
    for _ in range(n_tests):
        p_a, p_b = rng.beta(prior.a, prior.b, 2)
        n_a, n_b = rng.integers(0, 400, 2)
        control = belief(rng.binomial(n_a, p_a), n_a, prior)
        arm = belief(rng.binomial(n_b, p_b), n_b, prior)
        # The truth lies in the equal-tailed interval if its own quantile is not in a tail.
        ranks = (
            effect_distribution(control, arm)(p_b - p_a),
            log_ratio_distribution(control, arm)(math.log(p_b / p_a)),
        )
        hits += [abs(rank - 0.5) <= level / 2 for rank in ranks]
    for count in hits:
        assert stats.binomtest(int(count), n_tests, level).pvalue > 0.001


@pytest.mark.parametrize("clicks", range(20, 60))
def test_sure_comparisons_have_chances_within_zero_and_one(clicks):
    few, many = belief(clicks, 3_000), belief(728, 2_597)
    for arms in ((few, many), (many, few)):
        by_effect, by_ratio = effect_distribution(*arms), log_ratio_distribution(*arms)
        chances = [by_effect(x) for x in (-0.9, 0.0, 0.9)] + [by_ratio(x) for x in (-9.0, 9.0)]
        assert 0 <= min(chances) <= max(chances) <= 1
