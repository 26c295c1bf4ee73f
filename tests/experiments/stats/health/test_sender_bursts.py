import numpy as np
import pytest
from scipy.stats import fisher_exact

from experiments.stats.health.sender_bursts import (
    LEAST_OTHERS,
    LEAST_VISITORS,
    MOST_SENDERS,
    TIMES,
    SenderSplit,
    _smallest_p_values,
    concentrated_senders,
    one_sided_senders,
)


def split_of(senders, unknown=None):
    senders = np.array(senders)
    empty = np.zeros(senders.shape[1:], dtype=np.int64)
    return SenderSplit(senders=senders, unknown=empty if unknown is None else np.array(unknown))


def test_many_at_once_are_conspicuous_beside_what_is_usual():
    assert concentrated_senders({1: LEAST_VISITORS, 2: 3}, usual=5) == (1,)
    assert concentrated_senders({1: LEAST_VISITORS - 1, 2: 3}, usual=5) == ()
    assert concentrated_senders({1: 190, 2: 3}, usual=20) == ()
    assert concentrated_senders({1: 200, 2: 3}, usual=20) == (1,)


def test_nobody_is_conspicuous_where_the_usual_is_unknown():
    assert concentrated_senders({1: 100_000}, usual=None) == ()


def test_peak_of_many_senders_has_no_conspicuous_one():
    rng = np.random.default_rng(1)
    peak = dict(enumerate(rng.poisson(300, size=512).tolist()))
    assert concentrated_senders(peak, usual=3) == ()
    assert concentrated_senders(peak | {7: 350 * TIMES}, usual=3) == (7,)


def test_several_senders_are_named_up_to_the_most_that_are_few():
    few = {sender: 1_000 + sender for sender in range(MOST_SENDERS)}
    assert len(concentrated_senders(few | {99: 5}, usual=1)) == MOST_SENDERS
    assert concentrated_senders(few | {100 + n: 1_000 for n in range(10)}, usual=1) == ()


def test_one_armed_senders_are_found_even_if_they_outnumber_everybody():
    rng = np.random.default_rng(2)
    honest = rng.binomial(6, 0.5, size=(200, 1, 1))
    senders = np.concatenate([honest, 6 - honest], axis=2)
    made_up = np.full((10, 1, 2), [0, 2_000])
    found = one_sided_senders(split_of(np.concatenate([senders, made_up])))
    assert found == tuple(range(200, 210))


def test_dead_arm_makes_nobody_one_sided():
    assert one_sided_senders(split_of(np.full((100, 1, 2), [500, 0]))) == ()


def test_few_others_are_no_standard():
    assert one_sided_senders(split_of([[[0, 5_000]]], [[LEAST_OTHERS - 1, 0]])) == ()
    assert one_sided_senders(split_of([[[0, 5_000]]], [[LEAST_OTHERS, 0]])) == (0,)


def test_phases_are_compared_each_on_its_own():
    morning, afternoon = [500, 500], [0, 0]
    office = [[900, 900], [0, 0]]
    others = [[morning, afternoon]] * 30 + [[[0, 0], [950, 50]]] * 30
    assert one_sided_senders(split_of([office, *others])) == ()


def test_honest_senders_are_not_marked_in_any_of_many_days():
    rng = np.random.default_rng(20261128)
    sizes = np.where(np.arange(60) < 10, 2_000, 40)
    for _ in range(300):
        arms = np.stack([rng.multinomial(size, [0.7, 0.2, 0.1]) for size in sizes])
        assert one_sided_senders(split_of(arms[:, None, :])) == ()


@pytest.mark.parametrize("own", [[9, 1], [0, 7], [5, 5], [0, 0]])
def test_p_value_is_fishers(own):
    others = [40, 60]
    (p_value,) = _smallest_p_values(np.array([[own]]), np.array([others]))
    table = [own, others]
    expected = min(fisher_exact(table, alternative=side).pvalue for side in ("less", "greater"))
    assert p_value == pytest.approx(min(expected, 1.0))
