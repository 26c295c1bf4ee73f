import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.dataset.splits import assign_folds, connect_groups, find_leaks
from tests.ml.factories import arm_row, groups_of


def two_arms(test, first, second, **changes):
    return [arm_row(test=test, text=first, **changes), arm_row(test=test, text=second, **changes)]


def test_groups_connect_through_test_asset_and_wording():
    groups = groups_of(
        *two_arms("1", "A", "B", context="x"),
        *two_arms("1", "C", "D", context="y"),  # same test
        *two_arms("2", "E", "F", group="story"),
        *two_arms("3", "G", "H", group="story"),  # same asset
        *two_arms("4", "I", "J"),
        *two_arms("5", "j!", "K"),  # near-duplicate wording
        *two_arms("6", "L", "M"),
    )
    assert connect_groups(groups).tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_groups_connect_through_a_chain():
    groups = groups_of(*two_arms("1", "A", "B"), *two_arms("2", "C", "D"), *two_arms("3", "B", "C"))
    assert connect_groups(groups).tolist() == [0, 0, 0]


@given(
    components=st.lists(st.integers(0, 12), min_size=1, max_size=60),
    n_folds=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_folds_never_cut_a_component_and_stay_balanced(components, n_folds, seed):
    numbers = np.unique(components, return_inverse=True)[1]
    sizes = np.bincount(numbers)
    if len(sizes) < n_folds:
        with pytest.raises(ValueError, match="folds need as many components"):
            assign_folds(numbers, n_folds, rng=np.random.default_rng(seed))
        return
    folds = assign_folds(numbers, n_folds, rng=np.random.default_rng(seed))
    assert all(len(set(folds[numbers == number])) == 1 for number in range(len(sizes)))
    load = np.bincount(folds, minlength=n_folds)
    assert load.max() - load.min() <= sizes.max()
    assert load.min() > 0


def test_folds_follow_the_seed():
    components = np.arange(40)
    first, again, other = (
        assign_folds(components, 4, rng=np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="n_folds: 1 is less than 2"):
        assign_folds(np.arange(3), 1, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (two_arms("1", "C", "D", context="z"), "test"),
        (two_arms("2", "C", "D", group="story"), "asset"),
        (two_arms("2", "a !", "C"), "text"),
    ],
)
def test_leak_is_found_and_named(other, kind):
    first = groups_of(*two_arms("1", "A", "B", group="story"))
    assert [leak.kind for leak in find_leaks(first, groups_of(*other))] == [kind]


def test_duplicates_on_one_side_are_no_leak():
    first = groups_of(*two_arms("1", "A", "B"), *two_arms("2", "A", "C"))
    assert find_leaks(first, groups_of(*two_arms("3", "D", "E"))) == ()


@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), min_size=2, max_size=12
    ),
    seed=st.integers(0, 9),
)
def test_split_by_component_never_leaks(pieces, seed):
    rows = [
        row
        for test, (first, second, asset) in enumerate(pieces)
        for row in two_arms(
            f"t{test}", f"word{first}", f"other{second}", group=f"g{test * 4 + asset}"
        )
    ]
    groups = groups_of(*rows)
    components = connect_groups(groups)
    if components.max() == 0:
        return
    folds = assign_folds(components, 2, rng=np.random.default_rng(seed))
    sides = [[g for g, fold in zip(groups, folds, strict=True) if fold == side] for side in (0, 1)]
    assert find_leaks(*sides) == ()
