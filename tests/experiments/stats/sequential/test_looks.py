import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.stats.estimation.mantel_haenszel import mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.comparison import compare_sequential
from experiments.stats.sequential.looks import Schedule, compare_looks
from experiments.stats.sequential.plan_boundary import Stage


def days_of(n, clicks):
    return Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))


def schedule(planned, looks, shares=((0.5, 0.5),), *, unscheduled=()):
    return Schedule(
        planned_visitors=planned,
        alpha=0.05,
        shares=np.array(shares),
        is_scheduled=~np.isin(np.arange(looks), unscheduled),
    )


# An arm that is proven on the second day and falls back to nothing on the fourth.
DAYS = days_of(
    [[[5_000, 5_000]], [[10_000, 10_000]], [[12_000, 12_000]], [[14_000, 14_000]]],
    [[[250, 290]], [[500, 600]], [[600, 690]], [[700, 705]]],
)


def test_what_was_proven_stays_proven():
    path = compare_looks(DAYS, schedule(20_000, 4))
    row = path.comparisons.rows()[0]
    at_the_end = compare_sequential(days_of([10_000, 10_000], [500, 600]), planned_n=20_000).rows()[
        0
    ]
    assert row.p_value == pytest.approx(at_the_end.p_value)
    assert row.p_value < 0.01
    assert row.effect_interval[0] == pytest.approx(at_the_end.effect_interval[0])
    assert row.effect_interval[0] > 0
    # The estimate is that of all data.
    assert row.effect == pytest.approx(5 / 14_000)
    assert path.look.comparisons.p_value[-1, 0] == 1
    assert path.p_values[:, 0].tolist() == sorted(path.p_values[:, 0], reverse=True)


def test_look_in_the_middle_of_a_day_is_never_the_end():
    path = compare_looks(DAYS, schedule(20_000, 4, unscheduled=[1]))
    assert path.look.stage[:, 0].tolist() == [Stage.RUNNING, Stage.RUNNING, Stage.END, Stage.PAST]


def test_look_in_the_middle_of_a_day_proves_nothing_that_its_end_takes_back():
    """The second look replaces nothing yet: it is in the day whose end is the third."""
    before = compare_looks(DAYS, schedule(20_000, 4, unscheduled=[1, 2, 3]))
    first = compare_looks(days_of(DAYS.n[:1], DAYS.sum[:1]), schedule(20_000, 1))
    assert before.comparisons.p_value == first.comparisons.p_value
    assert before.comparisons.lift_low == first.comparisons.lift_low
    # What is seen is shown all the same.
    assert before.comparisons.effect == pytest.approx(5 / 14_000)
    assert before.p_values[:, 0].tolist() == [first.comparisons.p_value[0]] * 4


def test_looks_count_before_the_first_day_is_over():
    one = days_of(DAYS.n[:1], DAYS.sum[:1])
    rows = [compare_looks(one, schedule(20_000, 1, unscheduled=u)).comparisons for u in ([], [0])]
    assert rows[0].p_value == rows[1].p_value > 0


def test_time_is_one_when_the_planned_visitors_are_in():
    shares = [[0.8, 0.1, 0.1], [0.4, 0.4, 0.2], [0.5, 0.5, 0.0]]
    n = np.zeros((4, 3, 3))
    n[0, 0], n[1, 1], n[2, 2], n[3, 2] = (
        [8e3, 1e3, 1e3],
        [4e3, 4e3, 2e3],
        [3e3, 3e3, 0],
        [5e3, 5e3, 0],
    )
    n = n.cumsum(axis=0)
    days = days_of(n, n * 0.05)
    time = compare_looks(days, schedule(26_000, 4, shares)).look.time
    assert time[2, 0] == pytest.approx(1)
    assert (np.diff(time[:, 0]) > 0).all()
    assert time[3, 0] > 1.3
    # The dropped arm met 20,000 of them.
    assert time[2:, 1] == pytest.approx(20 / 26)


def test_days_without_a_figure_do_not_hide_the_others():
    days = days_of([[[0, 0]], [[10_000, 10_000]]], [[[0, 0]], [[500, 600]]])
    row = compare_looks(days, schedule(20_000, 2)).comparisons.rows()[0]
    assert row.p_value < 0.01
    assert row.effect_interval[0] > 0
    assert row.reason is None


def test_without_a_plan_every_look_is_one_of_the_mixture():
    path = compare_looks(DAYS, schedule(None, 4))
    assert path.look.stage.max() == Stage.RUNNING
    alone = compare_sequential(days_of([10_000, 10_000], [500, 600]))
    assert path.look.comparisons.p_value[1] == pytest.approx(alone.p_value)


def test_phases_are_compared_within():
    """The audit's case 2: identical arms, 5 % before and 4 % after B goes from 10 to 50 %."""
    phases = days_of(
        [[[9_000, 1_000], [0, 0]], [[9_000, 1_000], [20_000, 20_000]]],
        [[[450, 50], [0, 0]], [[450, 50], [800, 800]]],
    )
    row = compare_looks(phases, schedule(50_000, 2, ((0.9, 0.1), (0.5, 0.5)))).comparisons.rows()[0]
    assert row.lift == pytest.approx(0, abs=1e-12)
    assert row.p_value == 1
    pooled = compare_sequential(days_of([29_000, 21_000], [1_250, 850]), planned_n=50_000)
    assert pooled.lift[0] < -0.06


def test_few_clicks_are_read_exactly_within_phases():
    phases = days_of([[[9_000, 1_000], [2_000, 2_000]]], [[[18, 2], [4, 4]]])
    row = compare_looks(phases, schedule(50_000, 1, ((0.9, 0.1), (0.5, 0.5)))).comparisons.rows()[0]
    assert row.p_value == 1
    assert row.lift_interval[0] < 0 < row.lift_interval[1]
    assert "fewer than 20" in row.reason


def test_plan_ends_with_its_visitors_whatever_the_shares():
    """Shares of 99 to 1 bring next to nothing; the end does not wait for more."""
    n = np.zeros((3, 2, 2))
    n[0, 0], n[1, 1], n[2, 1] = [5_000, 5_000], [9_900, 100], [90_000, 60_000]
    days = days_of(n.cumsum(axis=0), n.cumsum(axis=0) * 0.05)
    look = compare_looks(days, schedule(20_000, 3, ((0.5, 0.5), (0.99, 0.01)))).look
    assert look.time[:, 0] == pytest.approx([0.5, 1, 8.5])
    assert look.stage[:, 0].tolist() == [Stage.RUNNING, Stage.END, Stage.PAST]


RUNS, LOOKS = 4_000, 28
WEEK = np.resize([1.15, 1.1, 1.05, 1.0, 0.95, 0.85, 0.9], LOOKS)


def simulated(rng, *, daily, rate, drift, shares, change_on, lift=0.0):
    """Return cumulative clicks and visitors, `(LOOKS, RUNS, 2 phases, 2 arms)`."""
    days = np.arange(LOOKS)
    p = rate * WEEK * (1 + drift * days / (LOOKS - 1))
    part = np.where((days < change_on)[:, None], shares[0], shares[1])
    n = rng.binomial(daily, part[None], (RUNS, LOOKS, 2))
    clicks = rng.binomial(n, np.stack([p, p * (1 + lift)], axis=-1)[None])
    phase = np.stack([days < change_on, days >= change_on], axis=-1)[None, :, :, None]
    by_phase = (part_of[:, :, None] * phase for part_of in (n, clicks))
    n, clicks = (part_of.swapaxes(0, 1).cumsum(axis=0).astype(float) for part_of in by_phase)
    return Proportion(n=n, sum=clicks)


@pytest.mark.slow
@pytest.mark.parametrize("daily", [2_000, 10_000])
@pytest.mark.parametrize(
    ("drift", "shares"),
    [
        (-0.1, ((0.9, 0.1), (0.5, 0.5))),
        (-0.2, ((0.9, 0.1), (0.5, 0.5))),
        (-0.3, ((0.9, 0.1), (0.5, 0.5))),
        (0.2, ((0.9, 0.1), (0.5, 0.5))),
        (-0.2, ((0.5, 0.5), (0.9, 0.1))),
        (-0.2, ((0.5, 0.5), (0.5, 0.5))),
    ],
)
def test_changed_shares_keep_alpha_under_drift(daily, drift, shares):
    rng = np.random.default_rng([31, daily, int(drift * 10) + 5, int(shares[0][0] * 10)])
    sums = simulated(rng, daily=daily, rate=0.05, drift=drift, shares=shares, change_on=7)
    p_values = compare_looks(sums, schedule(daily * LOOKS, LOOKS, shares)).comparisons.p_value
    alarms = int((p_values <= 0.05).sum())
    assert binomtest(alarms, RUNS, 0.05, "greater").pvalue > 0.001


@pytest.mark.slow
def test_drift_does_not_bias_a_true_lift():
    rng = np.random.default_rng(32)
    shares = ((0.9, 0.1), (0.5, 0.5))
    sums = simulated(rng, daily=2_000, rate=0.05, drift=-0.2, shares=shares, change_on=7, lift=0.1)
    last = compare_looks(sums, schedule(2_000 * LOOKS, LOOKS, shares)).comparisons
    assert last.lift.mean() == pytest.approx(0.1, abs=0.01)
    assert (last.p_value <= 0.05).mean() >= 0.35


@pytest.mark.slow
@pytest.mark.parametrize("other", [0.01, 0.1])
@pytest.mark.parametrize("least", [1.8, 2.2])
def test_results_that_choose_the_shares_win_nothing(other, least):
    """Somebody slows a test down once it looks good; ended there, 12 % would be alarms."""
    rng = np.random.default_rng([33, int(100 * other), int(10 * least)])
    runs, daily, shares = 1_000, 10_000, ((0.5, 0.5), (1 - other, other))
    n, clicks = np.zeros((2, LOOKS, runs, 2, 2))
    z = np.zeros(runs)
    for day in range(LOOKS):
        phase = (z >= least).astype(int)
        of_arm = rng.binomial(daily, np.array(shares)[phase, 1])
        new = np.stack([daily - of_arm, of_arm], axis=-1)
        n[day, np.arange(runs), phase] = new
        clicks[day, np.arange(runs), phase] = rng.binomial(new, 0.05)
        so_far = Proportion(n=n[: day + 1].sum(axis=0), sum=clicks[: day + 1].sum(axis=0))
        contrast = mantel_haenszel_contrasts(so_far)
        z = np.abs(contrast.effect / contrast.standard_error)[:, 0]
    sums = Proportion(n=n.cumsum(axis=0), sum=clicks.cumsum(axis=0))
    found = compare_looks(sums, schedule(daily * LOOKS, LOOKS, shares)).comparisons
    alarms = int((found.p_value <= 0.05).sum())
    assert binomtest(alarms, runs, 0.05, "greater").pvalue > 0.001
