import numpy as np
import pytest
from scipy.stats import binomtest, norm

from experiments.stats.estimation.mantel_haenszel import each_field
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.looks import Schedule, compare_looks
from experiments.stats.sequential.visitor_clock import phase_scale, visitor_time

ALPHA, DAYS, DAILY = 0.05, 28, 10_000
RAISED = ((0.99, 0.01), (0.5, 0.5))


def test_phase_weighs_by_the_root_of_what_a_visitor_tells():
    scale = phase_scale(np.array([[0.5, 0.5], [0.99, 0.01]]))
    assert scale[:, 0] == pytest.approx([1 / 0.25**0.5, 1 / 0.0099**0.5])


def test_phase_without_one_of_the_two_has_no_weight():
    assert phase_scale(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])).tolist() == [[0], [0], [0]]


def test_time_is_the_part_of_the_planned_visitors():
    n = np.array([[[990.0, 10.0], [0, 0]], [[990.0, 10.0], [1_000.0, 1_000.0]]])
    assert visitor_time(n, np.array(RAISED), 4_000).tolist() == [[0.25], [0.75]]


def test_visitors_before_an_arm_are_not_planned_for_it():
    n = np.array([[[600.0, 400.0, 0], [0, 0, 0]], [[600.0, 400.0, 0], [500.0, 250.0, 250.0]]])
    time = visitor_time(n, np.array([[0.6, 0.4, 0.0], [0.5, 0.25, 0.25]]), 4_000)
    assert time == pytest.approx(np.array([[0.25, 0], [0.5, 1_000 / 3_000]]))


def test_arm_that_comes_after_the_plan_is_read_within_a_whole_one():
    n = np.array([[[3_000.0, 2_000.0, 0], [0, 0, 0]], [[3_000.0, 2_000.0, 0], [50.0, 25.0, 25.0]]])
    time = visitor_time(n, np.array([[0.6, 0.4, 0.0], [0.5, 0.25, 0.25]]), 4_000)
    assert time[1].tolist() == [5_100 / 4_000, 100 / 4_000]


@pytest.mark.parametrize("planned", [None, 0, np.inf])
def test_time_needs_planned_visitors(planned):
    with pytest.raises(ValueError, match="planned_visitors must be positive"):
        visitor_time(np.ones((1, 1, 2)), np.array([[0.5, 0.5]]), planned)


def null_experiments(rng, runs, shares, choose, rate):
    """Return sums until each day, `(DAYS, runs, S, 2)`, where z so far chooses the shares."""
    shares, everyone = np.array(shares), np.arange(runs)
    place, z = np.zeros(runs, dtype=int), np.zeros(runs)
    n, clicks = np.zeros((2, DAYS, runs, len(shares), 2))
    for day in range(DAYS):
        place = choose(day, z, place)
        new = rng.multinomial(DAILY, shares[place])
        n[day, everyone, place], clicks[day, everyone, place] = new, rng.binomial(new, rate)
        a, b = (part[: day + 1].sum(axis=(0, 2)) for part in (n, clicks))
        z = (b / a @ [-1, 1]) / np.sqrt((rate * (1 - rate) / a).sum(axis=-1))
    return Proportion(n=n.cumsum(axis=0), sum=clicks.cumsum(axis=0))


def read(sums, shares):
    """Read the ends of the days from the second week on: before, small arms have few clicks."""
    schedule = Schedule(
        planned_visitors=DAILY * DAYS,
        alpha=ALPHA,
        shares=np.array(shares),
        is_scheduled=np.ones(DAYS - 7, dtype=bool),
    )
    return compare_looks(each_field(sums, lambda field: field[7:]), schedule)


def if_the_end_would_show_nothing(day, z, place):
    return ((day == 27) & (np.abs(z) < 2.1)).astype(int)


def test_share_that_is_raised_late_keeps_alpha():
    """In the time of information 6.3 % were proven."""
    runs = 3_000
    sums = null_experiments(
        np.random.default_rng(41), runs, RAISED, if_the_end_would_show_nothing, 0.05
    )
    alarms = int((read(sums, RAISED).comparisons.p_value <= ALPHA).sum())
    assert binomtest(alarms, runs, ALPHA, "greater").pvalue > 0.001


def test_statistic_is_a_brownian_motion_whoever_chooses_the_shares():
    """Increments of z sqrt(t) have the variance of their time, and are apart."""
    runs = 3_000
    shares = ((0.9, 0.1), (0.5, 0.5), (0.97, 0.03))
    sums = null_experiments(
        np.random.default_rng(43),
        runs,
        shares,
        lambda day, z, place: np.digitize(np.abs(z), [0.7, 1.4]),
        0.2,
    )
    path = read(sums, shares)
    weeks = [0, 6, 13, 20]
    motion = path.look.z[weeks, :, 0] * np.sqrt(path.look.time[weeks, :, 0])
    covariance = np.cov(np.diff(motion, axis=0, prepend=0.0))
    # Five standard errors of a variance, and of a covariance, of 3,000 runs.
    spans = np.array([8, 6, 7, 7]) / DAYS
    assert np.diag(covariance) == pytest.approx(spans, rel=5 * np.sqrt(2 / runs))
    apart = covariance - np.diag(np.diag(covariance))
    assert np.abs(apart).max() < 5 * spans.max() / np.sqrt(runs)
    ends = np.mean(np.abs(path.look.z[-1, :, 0]) > norm.isf(0.025))
    assert binomtest(int(ends * runs), runs, 0.05).pvalue > 0.001
