import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, Ratio, stack_arms

COVARIATE = {"covariate_sum": 6.0, "covariate_sum_squares": 20.0, "covariate_product_sum": 5.0}
RATIO = {
    "n": 3,
    "numerator_sum": 3.0,
    "numerator_sum_squares": 5.0,
    "denominator_sum": 6.0,
    "denominator_sum_squares": 14.0,
    "product_sum": 7.0,
}


def of_visitors(values):
    x, y, d = values[:, 0], values[:, 1], values[:, 2]
    return Ratio(
        n=len(values),
        numerator_sum=y.sum(),
        numerator_sum_squares=(y * y).sum(),
        denominator_sum=d.sum(),
        denominator_sum_squares=(d * d).sum(),
        product_sum=(y * d).sum(),
        covariate_sum=x.sum(),
        covariate_sum_squares=(x * x).sum(),
        covariate_product_sum=(x * y).sum(),
        covariate_denominator_product_sum=(x * d).sum(),
    )


@given(arrays(float, (12, 3), elements=st.integers(-50, 50)), st.integers(1, 11))
def test_sums_of_parts_equal_the_sum_of_the_whole(values, cut):
    assert of_visitors(values[:cut]) + of_visitors(values[cut:]) == of_visitors(values)


@given(arrays(float, (7, 3), elements=st.floats(-1e6, 1e6)))
def test_ratio_accepts_the_sums_of_any_visitors(values):
    assert of_visitors(values).has_covariate


@given(arrays(float, (9,), elements=st.floats(-1e9, 1e9)))
def test_mean_accepts_the_sums_of_any_visitors(values):
    mean = Mean(n=9, sum=values.sum(), sum_squares=(values**2).sum())
    assert not mean.has_covariate


def test_squares_that_underflow_are_accepted():
    values = np.array([0.0, *[1.4e-162] * 6])
    assert (values**2).sum() == 0 < values.sum() ** 2 / 7
    assert Mean(n=7, sum=values.sum(), sum_squares=(values**2).sum()).n == 7


def test_addition_refuses_another_kind():
    with pytest.raises(TypeError, match="unsupported operand"):
        Proportion(n=1, sum=1) + Mean(n=1, sum=1, sum_squares=1)


def test_addition_refuses_a_covariate_on_one_side():
    with pytest.raises(ValueError, match="covariate_product_sum is missing in one"):
        Proportion(n=3, sum=2) + Proportion(n=3, sum=2, **COVARIATE)


def test_equality_sees_values_kind_and_covariate():
    assert Proportion(n=3, sum=2) != Proportion(n=3, sum=1)
    assert Proportion(n=3, sum=2) != Proportion(n=3, sum=2, **COVARIATE)
    assert Proportion(n=3, sum=2) != Mean(n=3, sum=2, sum_squares=2)
    assert Proportion(n=3, sum=2) == Proportion(n=np.int64(3), sum=np.array(2.0))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Proportion, {"n": -1, "sum": 0}, "n must not be negative: -1"),
        (Proportion, {"n": 1.5, "sum": 0}, "n must be a whole number: 1.5"),
        (Proportion, {"n": True, "sum": 0}, "n must be a number: True"),
        (Proportion, {"n": "9", "sum": 0}, "n must be a number: '9'"),
        (Proportion, {"n": float("nan"), "sum": 0}, "n must be finite .*: nan"),
        (Proportion, {"n": 10, "sum": float("inf")}, "sum must be finite .*: inf"),
        (Proportion, {"n": 10**400, "sum": 0}, "n must be finite and at most"),
        (Proportion, {"n": 10, "sum": 11}, "sum must be at most n: 11"),
        (Proportion, {"n": 10, "sum": 0.5}, "sum must be a whole number: 0.5"),
        (Proportion, {"n": 0, "sum": 1}, "sum n is 0: 1"),
        (Proportion, {"n": np.array([1.0, 2.0]), "sum": 1}, r"sum has shape \(\), but n has \(2,"),
        (Proportion, {"n": np.array([1.0, np.nan]), "sum": np.zeros(2)}, "n must be finite .*nan"),
        (Proportion, {"n": np.array([9.0, 2.0]), "sum": np.array([1.0, 3.0])}, "most n: 3.0"),
        (Mean, {"n": 4, "sum": 8, "sum_squares": 15}, "sum_squares is below the square .*: 15"),
        (Mean, {"n": 4, "sum": 8, "sum_squares": -1}, "sum_squares is below the square .*: -1"),
        (
            Proportion,
            {"n": 3, "sum": 2, "covariate_sum": 1.0},
            "covariate_sum_squares is missing",
        ),
        (
            Proportion,
            {"n": 3, "sum": 2, **COVARIATE, "covariate_sum_squares": 11.0},
            "covariate_sum_squares is below the square",
        ),
        (
            Proportion,
            {"n": 3, "sum": 2, **COVARIATE, "covariate_product_sum": 90.0},
            r"covariate_product_sum implies a correlation outside \[-1, 1\]: 90",
        ),
        (Ratio, RATIO | {"numerator_sum_squares": 2.0}, "numerator_sum_squares is below"),
        (Ratio, RATIO | {"denominator_sum_squares": 2.0}, "denominator_sum_squares is below"),
        (Ratio, RATIO | {"product_sum": 12.0}, "product_sum implies a correlation"),
        (
            Ratio,
            RATIO | {"covariate_denominator_product_sum": 1.0},
            "covariate_sum is missing: covariate_denominator_product_sum needs it",
        ),
        (
            Ratio,
            RATIO | COVARIATE | {"covariate_denominator_product_sum": 99.0},
            "covariate_denominator_product_sum implies a correlation",
        ),
    ],
)
def test_statistics_refuse_what_cannot_be(kind, values, message):
    with pytest.raises(ValueError, match=message):
        kind(**values)


def test_arrays_are_copied_and_read_only():
    clicks = np.array([1.0, 2.0])
    statistics = Proportion(n=np.array([10.0, 10.0]), sum=clicks)
    clicks[0] = 9
    assert statistics.sum.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        statistics.sum[0] = 9


def test_stack_arms_puts_the_arm_last():
    days = [Proportion(n=np.array([10.0, 20.0, 30.0]), sum=np.zeros(3)) for _ in range(2)]
    assert stack_arms(days).shape == (3, 2)


def test_stack_arms_refuses_no_arms():
    with pytest.raises(ValueError, match="arms must not be empty"):
        stack_arms([])


def test_stack_arms_refuses_mixed_kinds():
    with pytest.raises(TypeError, match="Proportion, Mean"):
        stack_arms([Proportion(n=1, sum=1), Mean(n=1, sum=1, sum_squares=1)])


def test_stack_arms_refuses_a_covariate_in_one_arm():
    with pytest.raises(ValueError, match="covariate_product_sum is missing in some"):
        stack_arms([Proportion(n=3, sum=2), Proportion(n=3, sum=2, **COVARIATE)])


def test_counts_of_a_trillion_keep_their_digits():
    assert (Proportion(n=10**12, sum=10**11 + 1) + Proportion(n=10**12, sum=1)).sum == 10**11 + 2
