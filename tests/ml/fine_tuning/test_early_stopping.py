import numpy as np
import pytest
import torch  # noqa: TID253 - weights to remember
from torch import nn  # noqa: TID253

from ml.dataset.contrast_groups import stack_arms
from ml.fine_tuning.early_stopping import EarlyStopping, watched_groups
from tests.ml.factories import arms_of, groups_of, learnable_rows


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows(400)))


def test_ten_trainings_watch_ten_different_tenths(arms):
    watched = [watched_groups(arms, share=0.1, number=number) for number in range(10)]
    assert [each.sum() for each in watched] == [40] * 10
    assert np.sum(watched, axis=0).tolist() == [1] * 400


def test_eleventh_training_watches_what_the_first_does(arms):
    first, eleventh = (watched_groups(arms, share=0.1, number=number) for number in (0, 10))
    np.testing.assert_array_equal(first, eleventh)


def test_groups_that_share_a_wording_are_watched_together():
    group = np.repeat(np.arange(120), 2)
    texts = [f"shared {number // 4}" if number % 2 else f"own {number}" for number in range(240)]
    arms = arms_of(group, np.ones(240), np.ones(240), texts)
    watched = watched_groups(arms, share=0.5, number=0)
    assert 0 < watched.sum() < 120
    np.testing.assert_array_equal(watched[::2], watched[1::2])


@pytest.mark.parametrize(
    ("n_groups", "share"), [(290, 0.1), (400, 0.0), (50, 0.5)], ids=["few", "unasked", "few_halves"]
)
def test_nothing_is_watched_where_it_would_tell_nothing(n_groups, share):
    arms = stack_arms(groups_of(*learnable_rows(n_groups)))
    assert not watched_groups(arms, share=share, number=0).any()


def test_weights_with_the_lowest_loss_come_back():
    weight = nn.Parameter(torch.zeros(2))
    watch = EarlyStopping([weight], patience=5)
    for step, loss in enumerate([0.5, 0.3, 0.4]):
        with torch.no_grad():
            weight.fill_(step)
        assert watch.note(step, loss)
    assert not watch.note(3, float("nan"))
    watch.restore()
    assert weight.tolist() == [1.0, 1.0]
    assert (watch.kept, watch.loss) == (1, 0.3)


def test_patience_counts_looks_since_the_lowest_loss():
    watch = EarlyStopping([], patience=2)
    noted = [watch.note(step, loss) for step, loss in enumerate([0.5, 0.6, 0.4, 0.4, 0.5])]
    assert noted == [True, True, True, True, False]


def test_nothing_noted_leaves_the_weights_alone():
    weight = nn.Parameter(torch.ones(1))
    watch = EarlyStopping([weight], patience=1)
    watch.restore()
    assert weight.item() == 1
    assert watch.loss is None
