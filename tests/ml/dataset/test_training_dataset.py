from dataclasses import replace

import numpy as np

from ml.dataset.contrast_groups import build_groups, stack_arms
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import connect_groups
from ml.dataset.training_dataset import training_dataset
from tests.ml.factories import learnable_rows


def test_doubtful_groups_belong_to_the_history_and_do_not_judge():
    rows = learnable_rows(6)
    doubtful = [replace(row, test=f"doubtful {row.test}", suspect=True) for row in rows]
    data = training_dataset(build_groups([*rows, *doubtful]))
    assert (len(data.groups), len(data.history.groups)) == (6, 12)
    assert data.groups == build_groups(rows).groups


def test_parts_are_those_of_the_groups():
    data = training_dataset(build_groups(learnable_rows(8)))
    arms = stack_arms(data.groups)
    assert data.arms.texts == arms.texts
    np.testing.assert_array_equal(data.pairs.first, pair_arms(arms).first)
    np.testing.assert_array_equal(data.components, connect_groups(data.groups))
    assert data.n_components == len(set(data.components.tolist()))
