from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.mantel_haenszel import mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion
from experiments.stats.sequential.boundaries import one_sided_multiplier
from experiments.stats.sequential.click_e_values import click_lift_upper_bound
from experiments.stats.sequential.one_sided_bounds import Successes, one_sided_bounds
from tests.experiments.stats.sequential.late_conversions import late_counts

LEVELS = (0.05, 0.01)


def rates(visitors, count):
    """Contrasts and successes of arms on the last axis, in equal shares and one phase."""
    n, x = np.asarray(visitors, dtype=float), np.asarray(count, dtype=float)
    shares = np.full((1, n.shape[-1]), 1 / n.shape[-1])
    successes = Successes(visitors=n[..., None, :], count=x[..., None, :], shares=shares)
    return contrasts(raw_estimates(Proportion(n=n, sum=x))), successes


def distance(contrast, visitors, count, end):
    """Standard errors between the arm's rate and (1 + end) times the control's."""
    (p, q), (n, m) = np.divide(count, visitors), visitors
    error = np.sqrt(q * (1 - q) / m + (1 + end) ** 2 * p * (1 - p) / n)
    return (q - (1 + end) * p) / error


@pytest.mark.parametrize("time", [None, np.array([0.5])], ids=["one look", "every look"])
def test_each_side_has_its_own_level(time):
    visitors, count = [10_000, 10_000], [1_000, 950]
    contrast, successes = rates(visitors, count)
    bounds = one_sided_bounds(contrast, successes, levels=LEVELS, time=time)
    for end, sign, level in ((bounds.low, 1, 0.05), (bounds.high, -1, 0.01)):
        expected = stats.norm.isf(level)
        if time is not None:
            expected = one_sided_multiplier(time, alpha=0.9 * level)[0]
        found = sign * distance(contrast, visitors, count, end[0])
        assert found == pytest.approx(expected, rel=1e-9)
    assert not bounds.is_exact[0]


def test_sides_turn_round_where_less_is_better():
    contrast, successes = rates([10_000, 10_000], [1_000, 950])
    low = one_sided_bounds(contrast, successes, levels=LEVELS, time=None).low
    options = {"levels": LEVELS[::-1], "time": None, "higher_is_better": False}
    assert one_sided_bounds(contrast, successes, **options).low == low


def test_few_successes_are_bounded_by_their_split():
    contrast, successes = rates([20_000, 20_000], [2_000, 0])
    bounds = one_sided_bounds(contrast, successes, levels=LEVELS, time=np.array([0.1]))
    threshold = np.log(1 / (0.1 * 0.01))
    expected = click_lift_upper_bound(([2_000], [0]), share=[0.5], log_threshold=threshold)
    assert bounds.is_exact[0]
    assert (bounds.low[0], bounds.high[0]) == (-1, pytest.approx(float(expected)))


def test_few_others_are_few_too():
    contrast, successes = rates([500, 500], [485, 470])
    assert one_sided_bounds(contrast, successes, levels=LEVELS, time=None).is_exact[0]


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_few_conversions_show_harm_but_bound_no_values(higher_is_better):
    n, x = np.array([5_000.0, 5_000.0]), np.array([80.0, 4.0])
    if not higher_is_better:
        x = x[::-1]
    values = Mean(n=n, sum=10 * x, sum_squares=120 * x)
    successes = Successes(
        visitors=n[None], count=x[None], shares=np.array([[0.5, 0.5]]), is_metric=False
    )
    options = {"levels": LEVELS, "time": np.array([1.0]), "higher_is_better": higher_is_better}
    bounds = one_sided_bounds(contrasts(raw_estimates(values)), successes, **options)
    if higher_is_better:
        assert bounds.low[0] == -np.inf
        assert -1 < bounds.high[0] < -0.5
    else:
        assert 1 < bounds.low[0] < 19
        assert bounds.high[0] == np.inf


def test_phase_without_the_arm_says_nothing_about_it():
    n, x = np.array([20_000.0, 10_000.0]), np.array([200.0, 5.0])
    contrast = contrasts(raw_estimates(Proportion(n=n, sum=x)))
    phases = Successes(
        visitors=np.array([[10_000.0, 10_000.0], [10_000.0, 0.0]]),
        count=np.array([[100.0, 5.0], [100.0, 0.0]]),
        shares=np.array([[0.5, 0.5], [1.0, 0.0]]),
    )
    alone = Successes(visitors=n[None], count=phases.count[:1], shares=phases.shares[:1])
    found = [
        one_sided_bounds(contrast, successes, levels=LEVELS, time=np.array([1.0])).high[0]
        for successes in (phases, alone)
    ]
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_arms", "n_rails", "base"),
    [(2, 1, 0.03), (3, 3, 0.03), (5, 5, 0.03), (2, 1, 0.003), (5, 5, 0.003)],
)
def test_healthy_arms_are_rarely_harmed_over_28_daily_looks(n_arms, n_rails, base):
    """Equal arms, independent guardrails, 4,000 visitors a day, floors as the report has them."""
    runs, looks, per_day = (2_000 if base > 0.01 else 500), 28, 4_000
    rng = np.random.default_rng(20_261_128)
    harmed = np.zeros(runs, dtype=bool)
    level = 0.05 / ((n_arms - 1) * n_rails)
    for _ in range(n_rails):
        visitors = rng.poisson(per_day / n_arms, (runs, looks, n_arms))
        count = rng.binomial(visitors, base).cumsum(axis=1)
        visitors = visitors.cumsum(axis=1)
        for look in range(looks):
            contrast, successes = rates(visitors[:, look], count[:, look])
            time = contrast.n / (per_day * looks * 2 / n_arms)
            bounds = one_sided_bounds(contrast, successes, levels=(0.05, level), time=time)
            enough = count[:, look, :1] + count[:, look, 1:] >= 40
            harmed |= (enough & (bounds.high < 0) & (bounds.low <= -0.02)).any(axis=-1)
    assert stats.binomtest(int(harmed.sum()), runs, 0.05, "greater").pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize(
    ("per_day", "base", "drift"),
    [
        (1_000, 0.05, 0),
        (10_000, 0.05, 0),
        (10_000, 0.05, -0.2),
        (10_000, 0.05, 0.2),
        (600, 0.01, 0),
    ],
)
def test_late_conversions_and_changed_shares_harm_no_equal_arm(per_day, base, drift):
    runs = 1_000
    rng = np.random.default_rng(20_261_128)
    visitors, count = late_counts(rng, runs, per_day, base, drift)
    planned = per_day * 28 * 0.1 * 0.9
    shares = np.array([[0.9, 0.1], [0.5, 0.5]])
    harmed, pooled = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for day in range(28):
        n, x = visitors[:, day], count[:, day]
        contrast = mantel_haenszel_contrasts(Proportion(n=n, sum=x))
        successes = Successes(visitors=n, count=x, shares=np.broadcast_to(shares, n.shape))
        options = {"levels": (0.05, 0.05), "time": contrast.information / planned}
        bounds = one_sided_bounds(contrast, successes, **options)
        enough = x.sum(axis=(1, 2)) >= 40
        harmed |= enough & (bounds.high[:, 0] < 0) & (bounds.low[:, 0] <= -0.02)
        alike, together = rates(n.sum(axis=1), x.sum(axis=1))
        split = together.visitors / together.visitors.sum(axis=-1, keepdims=True)
        one = one_sided_bounds(alike, replace(together, shares=split), **options)
        pooled |= enough & (one.high[:, 0] < 0) & (one.low[:, 0] <= -0.02)
    assert stats.binomtest(int(harmed.sum()), runs, 0.05, "greater").pvalue > 0.001
    # Added up over the phases, the arm whose visitors came later looks harmful.
    assert pooled.mean() > 0.1 or per_day < 1_000
