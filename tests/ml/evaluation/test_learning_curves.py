import numpy as np
import pytest

from ml.evaluation.learning_curves import (
    CurvePlan,
    curve,
    curve_sizes,
    data_saving,
    growth,
    make_splits,
    measure_curves,
)
from ml.strategies.no_text import NoText
from ml.strategies.stack import Stack
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import groups_of, learnable_rows


@pytest.fixture(scope="module")
def groups():
    return groups_of(*learnable_rows(60))


@pytest.fixture(scope="module")
def splits(groups):
    return make_splits(groups, n_splits=2, seed=1)


def plan(strategy, *sizes):
    return CurvePlan(strategy=strategy, sizes=sizes)


def cell(hits, pairs=10, n_groups=40):
    return np.tile([float(hits), float(pairs)], (n_groups, 1))


def test_more_tests_teach_more(splits):
    cells = measure_curves([plan(TfidfRidge(), 4, 40)], splits)
    few, many = curve(cells, "tfidf")
    assert (few.groups, many.groups) == (4, 40)
    assert many.accuracy.value > few.accuracy.value + 0.05
    assert few.accuracy.low < few.accuracy.value < few.accuracy.high


def test_no_text_is_a_coin(splits):
    (point,) = curve(measure_curves([plan(NoText(), 20)], splits), "no_text")
    assert point.accuracy.value == pytest.approx(0.5)


def test_figures_are_the_same_for_a_seed_and_others_for_another(groups):
    plans = [plan(TfidfRidge(), 20)]
    first, again, other = (
        measure_curves(plans, make_splits(groups, n_splits=1, seed=seed)) for seed in (1, 1, 2)
    )
    key = ("tfidf", 20, 0)
    np.testing.assert_array_equal(first[key], again[key])
    assert first[key].shape != other[key].shape or (first[key] != other[key]).any()


def test_stack_uses_what_its_members_said(splits):
    made = []

    def keep(name, make):
        if name not in kept:
            made.append(name)
            kept[name] = make()
        return kept[name]

    kept = {}
    tfidf = TfidfRidge()
    stack = Stack(members=(tfidf, NoText()), weights=(1.0, 1.0))
    cells = measure_curves([plan(tfidf, 20), plan(stack, 20)], splits, keep=keep)
    assert sorted(made) == ["no_text-20-0", "no_text-20-1", "tfidf-20-0", "tfidf-20-1"]
    np.testing.assert_allclose(cells["stack", 20, 0], cells["tfidf", 20, 0])


def test_progress_ends_at_one(splits):
    told = []
    measure_curves([plan(NoText(), 5, 10)], splits, progress=told.append)
    assert told == pytest.approx([5 / 30, 0.5, 20 / 30, 1.0])


def test_more_groups_than_may_teach_are_refused(splits):
    assert curve_sizes(splits)[-1] < 60
    with pytest.raises(ValueError, match="60 groups cannot teach"):
        measure_curves([plan(NoText(), 60)], splits)


def test_saving_is_read_off_on_the_log_scale():
    # 0.6 lies in the middle between 0.5 at 25 and 0.7 at 100 groups: at 50 on the log scale.
    cells = {
        ("slow", 400, 0): cell(6),
        ("fast", 25, 0): cell(5),
        ("fast", 100, 0): cell(7),
    }
    saving = data_saving(cells, "fast", baseline="slow", baseline_groups=400)
    assert saving.accuracy == pytest.approx(0.6)
    assert saving.groups_needed == pytest.approx(50)
    assert saving.ratio.value == pytest.approx(8)


@pytest.mark.parametrize(("hits", "needed"), [((7, 8), 25), ((2, 3), 100)])
def test_saving_stays_within_what_was_measured(hits, needed):
    cells = {("slow", 400, 0): cell(6), ("fast", 25, 0): cell(hits[0])}
    cells["fast", 100, 0] = cell(hits[1])
    saving = data_saving(cells, "fast", baseline="slow", baseline_groups=400)
    assert saving.groups_needed == needed


def test_growth_is_the_slope_of_the_last_points_on_the_log_scale():
    cells = {
        ("tfidf", size, 0): cell(hits) for size, hits in ((25, 2), (50, 5), (100, 5.5), (200, 6))
    }
    found = growth(cells, "tfidf")
    assert found.sizes == (50, 100, 200)
    assert found.per_doubling.value == pytest.approx(0.05)


def test_growth_has_the_noise_of_the_difference_not_of_the_points():
    rng = np.random.default_rng(20261129)
    hits = rng.integers(2, 8, 40).astype(float)
    pairs = np.full(40, 10.0)
    cells = {
        ("tfidf", size, 0): np.stack([hits + gain, pairs], axis=1)
        for size, gain in ((50, 0), (100, 0.5), (200, 1))
    }
    found = growth(cells, "tfidf").per_doubling
    assert (found.low, found.value, found.high) == pytest.approx((0.05, 0.05, 0.05))


def test_curve_of_one_size_has_no_growth():
    assert growth({("tfidf", 16, 0): cell(5)}, "tfidf") is None
