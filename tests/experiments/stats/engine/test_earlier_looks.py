import numpy as np
import pytest

from experiments.stats.engine.arms import sums_of
from experiments.stats.engine.earlier_looks import MOST_COMPARISONS, looks_of
from experiments.stats.engine.fields import InvalidRequest

NAMES = ["a", "b"]


def arms(*counts):
    return [
        {"name": name, "n": n, "sum": total} for name, (n, total) in zip(NAMES, counts, strict=True)
    ]


NOW = sums_of(arms((100, 10), (120, 14)), "proportion")
EARLIER = {"arms": arms((50, 4), (60, 7))}


def read(*looks, metric="proportion", names=NAMES, now=NOW):
    return looks_of(list(looks), metric, names, now)


def test_now_is_the_last_look():
    path = read(EARLIER, EARLIER)
    assert path.n.tolist() == [[50, 60], [50, 60], [100, 120]]
    assert path.sum.tolist() == [[4, 7], [4, 7], [10, 14]]
    assert read().n.tolist() == [[100, 120]]


@pytest.mark.parametrize(
    ("looks", "field", "message"),
    [
        ({"arms": []}, "looks", "must be a list of earlier looks, the oldest first"),
        ([3], "looks[0]", "must be a JSON object"),
        ([EARLIER, {"arms": arms((60, 5), (70, 8)), "day": 1}], "looks[1].day", "is unknown"),
        ([{}], "looks[0].arms", "must be a list of arms"),
        ([{"arms": arms((50, 4), (60, 61))}], "looks[0].arms[1].sum", "must be at most n: 61"),
        ([{"arms": arms((50, 4), (60, 7))[::-1]}], "looks[0].arms[0].name", "must be 'a'"),
        ([{"arms": [*EARLIER["arms"], {}]}], "looks[0].arms", "must be the 2 arms of the request"),
        ([EARLIER, {"arms": arms((40, 4), (60, 7))}], "looks[1].arms[0].n", "looks[0] has 50, not"),
        ([EARLIER, {"arms": arms((60, 4), (60, 6))}], "looks[1].arms[1].sum", "has 7, not 6"),
        ([{"arms": arms((100, 10), (121, 14))}], "arms[1].n", "looks[0] has 121, not 120"),
        (
            [{"arms": [EARLIER["arms"][0] | {"n": True}, EARLIER["arms"][1]]}],
            "looks[0].arms[0].n",
            "must be a number; not True",
        ),
    ],
)
def test_fault_is_named_with_its_look(looks, field, message):
    with pytest.raises(InvalidRequest) as caught:
        looks_of(looks, "proportion", NAMES, NOW)
    assert caught.value.field == field
    assert message in caught.value.message
    assert str(caught.value) == f"{field}: {caught.value.message}"


def test_sums_of_values_may_fall_but_not_their_squares():
    def values(total, squares):
        return [{"name": name, "n": 10, "sum": total, "sum_squares": squares} for name in NAMES]

    now = sums_of(values(3.0, 40.0), "mean")
    path = read({"arms": values(9.0, 30.0)}, metric="mean", now=now)
    assert path.sum.tolist() == [[9, 9], [3, 3]]
    with pytest.raises(InvalidRequest, match=r"^arms\[0\]\.sum_squares: must not fall"):
        read({"arms": values(9.0, 41.0)}, metric="mean", now=now)


def test_covariate_is_given_at_every_look_or_at_none():
    covariate = {"covariate_sum": 6, "covariate_sum_squares": 20, "covariate_product_sum": 3}
    with_it = [arm | covariate for arm in EARLIER["arms"]]
    with pytest.raises(InvalidRequest, match="is given at some looks and missing at others"):
        read({"arms": with_it})


@pytest.mark.parametrize(("n_arms", "most"), [(2, 999), (3, 499), (100, 9)])
def test_number_of_looks_is_bounded_by_the_comparisons(n_arms, most):
    names = [str(k) for k in range(n_arms)]
    look = {"arms": [{"name": name, "n": 9, "sum": 1} for name in names]}
    now = sums_of(look["arms"], "proportion")
    path = read(*[look] * most, names=names, now=now)
    assert np.shape(path.n) == (most + 1, n_arms)
    assert path.n[:, 1:].size <= MOST_COMPARISONS
    with pytest.raises(InvalidRequest, match=f"must be at most {most} looks at {n_arms} arms"):
        read(*[look] * (most + 1), names=names, now=now)
