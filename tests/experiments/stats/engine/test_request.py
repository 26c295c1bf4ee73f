import pytest

from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.engine.request import parse_request
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, Ratio

ARMS = [{"name": "a", "n": 100, "sum": 10}, {"name": "b", "n": 120, "sum": 14}]
COVARIATE = {"covariate_sum": 6, "covariate_sum_squares": 20, "covariate_product_sum": 5}


def request(**changes):
    return {"metric": "proportion", "arms": ARMS} | changes


def with_arm(**changes):
    return request(arms=[ARMS[0], ARMS[1] | changes])


def test_what_is_left_out_gets_its_default():
    asked = parse_request(request())
    assert (asked.method, asked.alpha, asked.correction) == ("sequential", 0.05, "holm")
    assert (asked.relative, asked.shares, asked.planned_n) == (True, (0.5, 0.5), None)
    assert (asked.prior, asked.names) == (None, ("a", "b"))
    assert asked.statistics.n.tolist() == [100, 120]


def test_every_field_is_read():
    asked = parse_request(
        request(
            method="bayesian", alpha=0.1, correction="bh", relative=False, shares=[0.25, 0.75],
            planned_n=9_000, prior={"mean": 0.1, "sd": 0.3},
        )
    )  # fmt: skip
    assert (asked.method, asked.alpha, asked.correction) == ("bayesian", 0.1, "bh")
    assert (asked.relative, asked.shares, asked.planned_n) == (False, (0.25, 0.75), 9_000)
    assert (asked.prior.mean, asked.prior.sd) == (0.1, 0.3)


@pytest.mark.parametrize(
    ("metric", "sums", "kind"),
    [
        ("proportion", {"sum": 3}, Proportion),
        ("mean", {"sum": 3, "sum_squares": 9.5}, Mean),
        (
            "ratio",
            {
                "numerator_sum": 3, "numerator_sum_squares": 9, "denominator_sum": 10,
                "denominator_sum_squares": 90, "product_sum": 20,
            },
            Ratio,
        ),
    ],
    ids=["proportion", "mean", "ratio"],
)  # fmt: skip
def test_each_metric_has_its_sums(metric, sums, kind):
    arms = [{"name": name, "n": 10} | sums for name in "ab"]
    assert type(parse_request({"metric": metric, "arms": arms}).statistics) is kind


def test_twenty_arms_are_fine():
    arms = [{"name": f"arm {k}", "n": 10**12, "sum": 10**11} for k in range(20)]
    assert parse_request(request(arms=arms)).statistics.shape == (20,)


def test_whole_floats_are_counts():
    assert parse_request(with_arm(n=120.0, sum=14.0)).statistics.sum.tolist() == [10, 14]


@pytest.mark.parametrize(
    ("broken", "field", "message"),
    [
        ([], "request", "must be a JSON object, not list"),
        (request(extra=1), "extra", "is unknown; known are metric, method"),
        ({"arms": ARMS}, "metric", "must be one of proportion, mean, ratio; it is missing"),
        (request(metric="median"), "metric", "not 'median'"),
        (request(metric=["mean"]), "metric", r"not \['mean'\]"),
        (request(method="t-test"), "method", "must be one of fixed, sequential, bayesian, exact"),
        (request(correction="sidak"), "correction", "must be one of none, holm"),
        (request(alpha=0), "alpha", "must lie between 0.0001 and 0.9999; not 0"),
        (request(alpha=1.0), "alpha", "must lie between"),
        (request(alpha=float("nan")), "alpha", "must lie between .*; not nan"),
        (request(alpha="0.05"), "alpha", "must be a number; not '0.05'"),
        (request(alpha=True), "alpha", "must be a number; not True"),
        (request(alpha=None), "alpha", "must be a number; not None"),
        (request(alpha=10**400), "alpha", "must lie between"),
        (request(relative=1), "relative", "must be true or false; not 1"),
        (request(planned_n=0), "planned_n", r"must lie between 1 and 1e\+13"),
        (request(planned_n=float("inf")), "planned_n", "must lie between"),
        (request(shares=[0.5, 0.4]), "shares", "must sum to 1"),
        (request(shares=[1.0]), "shares", "must have one number for each of the 2 arms"),
        (request(shares={"a": 1}), "shares", "must be a list of numbers"),
        (request(shares=[1.5, -0.5]), r"shares\[0\]", "must be a number between 0 and 1"),
        (request(shares=[True, False]), r"shares\[0\]", "must be a number between 0 and 1"),
        (request(shares=[0.5, float("nan")]), r"shares\[1\]", "must be a number between 0 and 1"),
        (request(prior=0.3), "prior", "must be an object with mean and sd"),
        (request(prior={"mean": 0}), r"prior\.sd", "must be a number; it is missing"),
        (request(prior={"mean": 0, "sd": 0}), r"prior\.sd", "must lie between"),
        (request(prior={"mean": 0, "sd": 1, "df": 4}), r"prior\.df", "is unknown"),
        ({"metric": "mean"}, "arms", "must be a list of arms"),
        (request(arms="ab"), "arms", "must be a list of arms"),
        (request(arms=ARMS[:1]), "arms", "must be 2 to 100 arms; there are 1"),
        (request(arms=ARMS * 51), "arms", "must be 2 to 100 arms; there are 102"),
        (request(arms=[ARMS[0], 3]), r"arms\[1\]", "must be a JSON object"),
        (request(arms=[ARMS[0], {"n": 1, "sum": 1}]), r"arms\[1\]\.name", "must be 1 to 200"),
        (with_arm(name=""), r"arms\[1\]\.name", "must be 1 to 200 characters"),
        (with_arm(name="a"), r"arms\[1\]\.name", "must differ from the others: 'a'"),
        (with_arm(visitors=4), r"arms\[1\]\.visitors", "is unknown; known are name, n"),
        (with_arm(sum_squares=4), r"arms\[1\]\.sum_squares", "is unknown"),
        (request(metric="mean"), r"arms\[0\]\.sum_squares", "is missing"),
        (request(arms=[{"name": "a", "sum": 1}, ARMS[1]]), r"arms\[0\]\.n", "is missing"),
        (with_arm(n=-1), r"arms\[1\]\.n", r"must lie between 0 and 1e\+13; not -1"),
        (with_arm(n=10**14), r"arms\[1\]\.n", "must lie between"),
        (with_arm(n=1.5, sum=0), r"arms\[1\]\.n", "must be a whole number: 1.5"),
        (with_arm(n="120"), r"arms\[1\]\.n", "must be a number; not '120'"),
        (with_arm(n=None), r"arms\[1\]\.n", "must be a number; not None"),
        (with_arm(sum=[1, 2]), r"arms\[1\]\.sum", r"must be a number; not \[1, 2\]"),
        (with_arm(sum=True), r"arms\[1\]\.sum", "must be a number; not True"),
        (with_arm(sum=121), r"arms\[1\]\.sum", "must be at most n: 121"),
        (with_arm(sum=-1), r"arms\[1\]\.sum", "must not be negative: -1"),
        (with_arm(sum=float("nan")), r"arms\[1\]\.sum", "must be finite"),
        (with_arm(n=0, sum=1), r"arms\[1\]\.sum", "n is 0: 1"),
        (with_arm(covariate_sum=1.0), r"arms\[1\]\.covariate_sum_squares", "is missing"),
        (with_arm(**COVARIATE), r"arms\[0\]\.covariate_sum", "is missing; other arms have it"),
        (request(method="exact", metric="mean"), r"arms\[0\]\.sum_squares", "is missing"),
    ],
)
def test_the_field_at_fault_is_named(broken, field, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        parse_request(broken)
    assert caught.value.field == field.replace("\\", "")
    assert str(caught.value) == f"{caught.value.field}: {caught.value.message}"


def test_exact_is_for_proportions():
    arms = [{"name": name, "n": 10, "sum": 3, "sum_squares": 9.5} for name in "ab"]
    with pytest.raises(InvalidRequest, match="method: exact is for metric proportion, not mean"):
        parse_request({"metric": "mean", "method": "exact", "arms": arms})


def test_long_values_are_quoted_short():
    with pytest.raises(InvalidRequest) as caught:
        parse_request(request(metric="x" * 10**6))
    assert len(str(caught.value)) < 200
