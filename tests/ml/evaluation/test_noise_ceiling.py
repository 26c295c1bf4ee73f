import numpy as np
import pytest

from ml.dataset.contrast_groups import build_groups, stack_arms
from ml.dataset.pairs import pair_arms
from ml.evaluation.noise_ceiling import noise_ceiling
from ml.history.reading import read_history
from tests.ml.factories import arms_of


def test_ceiling_is_what_an_oracle_scores_in_simulated_tests():
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(6000), 4)
    effect = rng.normal(0, 0.25, 24_000)
    visitors = rng.integers(2500, 4500, 24_000)
    arms = arms_of(group, visitors, rng.binomial(visitors, 1 / (1 + np.exp(4.4 - effect))))
    pairs = pair_arms(arms)
    oracle = np.mean((effect[pairs.first] > effect[pairs.second]) == pairs.first_won)
    found = noise_ceiling(arms, rng=np.random.default_rng(5))
    assert found.value == pytest.approx(oracle, abs=0.015)
    assert found.low < found.value < found.high


def test_ceiling_is_a_coin_when_arms_do_not_differ():
    arms = arms_of([0, 0, 1, 1], [1000] * 4, [50, 51, 40, 41])
    assert noise_ceiling(arms, rng=np.random.default_rng(1)).value == pytest.approx(0.5)


def test_ceiling_without_pairs_is_undefined():
    assert (
        noise_ceiling(arms_of([0, 0], [10, 10], [1, 1]), rng=np.random.default_rng(1)).value is None
    )


@pytest.mark.needs_shared
@pytest.mark.parametrize(("dispersion", "published"), [(1.0, 0.81), (1.9, 0.74)])
def test_ceiling_of_the_archive_is_the_published_one(upworthy_csv, dispersion, published):
    dataset = build_groups(read_history(upworthy_csv, "upworthy").rows)
    arms = stack_arms([group for group in dataset.groups if not group.suspect])
    found = noise_ceiling(arms, rng=np.random.default_rng(1), dispersion=dispersion)
    assert found.value == pytest.approx(published, abs=0.01)
