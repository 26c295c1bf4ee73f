import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.engine.request import METHODS
from experiments.stats.estimation.multiplicity import interval_levels
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.looks import Schedule, compare_looks

KEYS = [
    "arm", "effect", "lift", "interval", "p_value", "p_value_adjusted", "chance_to_win",
    "expected_loss", "method", "reason",
]  # fmt: skip
LIBRARY = [
    ("Interact", 10_283, 42), ("Connect", 2_742, 53), ("Learn", 2_747, 21), ("Help", 3_180, 38),
    ("Services", 2_064, 45),
]  # fmt: skip
MEANS = [
    {"name": "a", "n": 10, "sum": 100, "sum_squares": 1002.25},
    {"name": "b", "n": 10, "sum": 105, "sum_squares": 1111.5},
]
CUPED = {"covariate_sum": 480, "covariate_sum_squares": 1100, "covariate_product_sum": 900}


def rates(*counts, **options):
    arms = [{"name": f"arm {k}", "n": n, "sum": s} for k, (n, s) in enumerate(counts)]
    return {"metric": "proportion", "arms": arms} | options


def only(answer):
    (row,) = answer["comparisons"]
    return row


EXAMPLE = rates((10_000, 500), (10_000, 580))


def test_answer_has_the_documented_shape():
    answer = analyze(EXAMPLE | {"method": "fixed"})
    assert list(answer) == ["srm", "comparisons", "warnings"]
    assert answer["srm"] == {"p_value": pytest.approx(1)}
    assert list(only(answer)) == KEYS
    assert answer["warnings"] == []


def test_fixed_rates_match_statsmodels_and_the_notes():
    row = only(analyze(EXAMPLE | {"method": "fixed", "relative": False}))
    assert (row["effect"], row["lift"]) == (pytest.approx(0.008), pytest.approx(0.16))
    assert row["p_value"] == pytest.approx(0.0123202, abs=5e-8)
    assert row["interval"] == pytest.approx([0.0017379, 0.0142829], abs=5e-8)
    assert row["chance_to_win"] == pytest.approx(0.9938365832, abs=5e-11)
    assert row["expected_loss"] == pytest.approx(6.36052e-6, rel=1e-5)


def test_sequential_rates_match_gbstats_without_a_plan():
    row = only(analyze(EXAMPLE | {"method": "sequential", "relative": False}))
    # GrowthBook's figures, but for the 2 % of alpha that pay for exact early looks.
    assert row["p_value"] == pytest.approx(0.2744390885 / 0.98, rel=1e-9)
    assert row["interval"] == pytest.approx([-0.0019938576, 0.0179938576], abs=3e-5)
    assert (row["chance_to_win"], row["expected_loss"], row["reason"]) == (None, None, None)


def test_prior_on_the_lift_matches_gbstats():
    row = only(analyze(EXAMPLE | {"method": "bayesian", "prior": {"mean": 0, "sd": 0.3}}))
    assert row["chance_to_win"] == pytest.approx(0.9882303948, rel=1e-9)
    assert row["interval"] == pytest.approx([0.0204441791, 0.2835390140], rel=1e-8)
    assert (row["p_value"], row["p_value_adjusted"], row["reason"]) == (None, None, None)


@pytest.mark.parametrize(
    ("counts", "chance"),
    [(((28, 14), (30, 16)), 0.5985482067), (((10, 1), (10, 5)), 0.9682662539),
     (((20, 0), (20, 3)), 0.9465290807)],
)  # fmt: skip
def test_flat_rates_match_the_beta_binomial_reference(counts, chance):
    row = only(analyze(rates(*counts, method="bayesian")))
    assert row["chance_to_win"] == pytest.approx(chance, abs=5e-11)


@pytest.mark.parametrize(
    ("prior", "chance", "interval"),
    [(None, 0.91923, None), ({"mean": 0.1, "sd": 0.1**0.5}, 0.92315, [-0.01893, 0.12019])],
)
def test_bayesian_means_match_growthbook(prior, chance, interval):
    row = only(analyze({"metric": "mean", "method": "bayesian", "prior": prior, "arms": MEANS}))
    assert row["chance_to_win"] == pytest.approx(chance, abs=5e-6)
    if interval:
        assert row["interval"] == pytest.approx(interval, abs=5e-6)


def test_prior_on_the_lift_is_scaled_for_the_effect():
    asked = {"metric": "mean", "method": "bayesian", "arms": MEANS, "relative": False}
    row = only(analyze(asked | {"prior": {"mean": 0, "sd": 0.02}}))
    # The control's mean is 10: N(0, 0.2^2) on the effect of 0.5 with its standard error.
    variance = 2.25 / 9 / 10 + 9 / 9 / 10
    weight = 0.2**2 / (0.2**2 + variance)
    expected = norm(weight * 0.5, np.sqrt(weight * variance)).interval(0.95)
    assert row["interval"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "p_value", "test"),
    [(((20, 1), (20, 7)), 0.021502, "boschloo"), (((10_000, 500), (10_000, 580)), None, "fisher")],
)
def test_exact_says_which_test_it_used(counts, p_value, test):
    answer = analyze(rates(*counts, method="exact"))
    assert f"arm 1: Test {test}." in answer["warnings"][0]
    if p_value:
        assert only(answer)["p_value"] == pytest.approx(p_value, abs=5e-7)


def test_library_test_matches_the_reference():
    arms = [{"name": name, "n": n, "sum": s} for name, n, s in LIBRARY]
    answer = analyze({"metric": "proportion", "method": "fixed", "arms": arms})
    adjusted = [row["p_value_adjusted"] for row in answer["comparisons"]]
    assert adjusted == pytest.approx([2.3e-16, 0.0169, 9.1e-7, 6.4e-18], rel=0.01)
    assert "Sample-ratio mismatch" in answer["warnings"][0]


def test_cuped_matches_gbstats():
    arms = [
        {"name": "a", "n": 1000, "sum": 500, "sum_squares": 1200} | CUPED,
        {"name": "b", "n": 1000, "sum": 560, "sum_squares": 1400, "covariate_sum": 490,
         "covariate_sum_squares": 1150, "covariate_product_sum": 1000},
    ]  # fmt: skip
    row = only(analyze({"metric": "mean", "method": "fixed", "relative": False, "arms": arms}))
    assert row["effect"] == pytest.approx(0.0522120761, abs=5e-11)
    assert row["p_value"] == pytest.approx(0.0918592, abs=5e-8)


def test_rates_with_a_covariate_are_adjusted():
    covariates = {"covariate_sum": 0, "covariate_sum_squares": 1000, "covariate_product_sum": 200}
    asked = rates((1000, 300), (1000, 330), method="fixed")
    plain = only(analyze(asked))
    asked["arms"] = [arm | covariates for arm in asked["arms"]]
    adjusted = only(analyze(asked))
    assert adjusted["p_value"] < plain["p_value"]
    assert "take no covariate" in analyze(asked | {"method": "exact"})["warnings"][0]


def test_ratio_covariate_needs_its_product_with_the_denominator():
    ratio = {
        "n": 1000, "numerator_sum": 500, "numerator_sum_squares": 900, "denominator_sum": 2000,
        "denominator_sum_squares": 5000, "product_sum": 1200,
    }  # fmt: skip
    arms = [{"name": name} | ratio | CUPED for name in "ab"]
    answer = analyze({"metric": "ratio", "method": "fixed", "arms": arms})
    assert "covariate_denominator_product_sum" in answer["warnings"][0]
    assert only(answer)["effect"] == 0


def test_correction_changes_the_adjusted_p_value_and_its_interval():
    counts = (1000, 100), (1000, 130), (1000, 118)
    none, holm = (
        analyze(rates(*counts, method="fixed", correction=correction))["comparisons"]
        for correction in ("none", "holm")
    )
    assert holm[1]["p_value_adjusted"] == pytest.approx(none[1]["p_value_adjusted"])
    assert holm[0]["p_value_adjusted"] == pytest.approx(2 * none[0]["p_value"])
    assert holm[0]["interval"][0] < none[0]["interval"][0]


def test_planned_visitors_are_those_of_all_arms():
    three = rates((1000, 100), (1000, 130), (1000, 118), method="sequential", planned_n=3_000)
    two = rates((1000, 100), (1000, 130), method="sequential", planned_n=2_000)
    assert analyze(three)["comparisons"][0]["p_value"] == only(analyze(two))["p_value"]


def test_arm_without_share_is_no_verdict_but_no_crash():
    answer = analyze(
        rates((900, 90), (900, 99), (0, 0), method="sequential", shares=[0.5, 0.5, 0.0])
    )
    assert answer["comparisons"][1]["reason"] == "An arm has no visitors."
    alone = analyze(rates((900, 90), (900, 99), method="sequential", shares=[0.0, 1.0]))
    assert alone["srm"]["p_value"] == 0.0
    analyze(rates((900, 90), (900, 99), (9, 4), method="sequential", shares=[0.0, 0.0, 1.0]))


def test_warnings_say_what_was_not_used():
    answer = analyze(EXAMPLE | {"method": "fixed", "planned_n": 900, "prior": {"mean": 0, "sd": 1}})
    assert answer["warnings"] == [
        "The prior is used by method bayesian only.",
        "planned_n is used by method sequential only.",
    ]


@pytest.mark.parametrize(
    ("method", "counts", "warning"),
    [
        ("fixed", ((100, 2), (100, 5)), "method exact is more reliable"),
        ("sequential", ((1000, 12), (1000, 30)), "exact split of the clicks"),
        ("bayesian", ((1000, 12), (1000, 30)), "does not control false alarms"),
    ],
)
def test_warnings_say_what_to_beware_of(method, counts, warning):
    assert any(warning in line for line in analyze(rates(*counts, method=method))["warnings"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (((0, 0), (0, 0)), "An arm has no visitors."),
        (((0, 0), (10, 4)), "An arm has no visitors."),
        (((1, 0), (9, 4)), "An arm has one visitor only"),
        (((50, 0), (50, 0)), "All visitors of an arm have the same outcome"),
        (((50, 50), (50, 50)), "All visitors of an arm have the same outcome"),
    ],
)
def test_counts_that_say_nothing_give_null_with_a_reason(method, counts, reason):
    row = only(analyze(rates(*counts, method=method)))
    for name in ("interval", "p_value", "p_value_adjusted", "chance_to_win", "expected_loss"):
        assert row[name] is None
    # The sequential method names its own floor first.
    assert reason in row["reason"] or method == "sequential"
    assert row["reason"]


@pytest.mark.parametrize(("clicks", "differs"), [((1, 5), True), ((1, 6), False)])
def test_exact_says_when_its_interval_is_another_method_s(clicks, differs):
    answer = analyze(rates(*((7, s) for s in clicks), method="exact", relative=False))
    row = only(answer)
    assert (row["p_value"] > 0.05) == differs
    assert row["interval"][0] > 0
    assert any("inverts the score test" in line for line in answer["warnings"]) == differs


def test_mean_beyond_the_range_of_a_posterior_is_null():
    arms = [
        {"name": name, "n": 4, "sum": total, "sum_squares": squares}
        for name, total, squares in (("a", 4e-98, 1e-195), ("b", 4.0, 9.0))
    ]
    row = only(analyze({"metric": "mean", "method": "bayesian", "arms": arms, "relative": False}))
    assert math.isfinite(row["chance_to_win"])
    arms = [arm | {"sum": 1e-106, "sum_squares": 1e-210} for arm in arms]
    row = only(analyze({"metric": "mean", "method": "bayesian", "arms": arms, "relative": False}))
    assert row["chance_to_win"] is None
    assert "beyond the range" in row["reason"]


def test_prior_needs_a_lift():
    arms = [
        {"name": "a", "n": 9, "sum": 0, "sum_squares": 9},
        {"name": "b", "n": 9, "sum": 9, "sum_squares": 20},
    ]
    asked = {"metric": "mean", "method": "bayesian", "arms": arms, "relative": False}
    assert only(analyze(asked))["chance_to_win"] is not None
    row = only(analyze(asked | {"prior": {"mean": 0, "sd": 0.3}}))
    assert row["chance_to_win"] is None
    assert "mean is 0" in row["reason"]


def every_number(value):
    if isinstance(value, dict):
        return [n for part in value.values() for n in every_number(part)]
    if isinstance(value, list):
        return [n for part in value for n in every_number(part)]
    return [value] if isinstance(value, float | int) else []


def check_answer(answer, request):
    """Plain JSON that survives the round trip, finite, in range, null only with a reason."""
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert all(type(number) in (int, float) for number in every_number(answer))
    assert len(answer["comparisons"]) == len(request["arms"]) - 1
    for row in answer["comparisons"]:
        for name in ("p_value", "p_value_adjusted", "chance_to_win"):
            assert row[name] is None or 0 <= row[name] <= 1
        assert row["expected_loss"] is None or row["expected_loss"] >= 0
        assert row["interval"] is None or row["interval"][0] <= row["interval"][1]
        offered = ["effect", "lift", "interval"]
        offered += ["p_value"] if request["method"] != "bayesian" else []
        offered += ["chance_to_win"] if request["method"] != "sequential" else []
        assert (None in [row[name] for name in offered]) == (row["reason"] is not None)


sizes = st.one_of(st.integers(0, 40), st.integers(0, 10**5), st.integers(0, 10**12))
options = st.fixed_dictionaries(
    {"method": st.sampled_from(METHODS), "relative": st.booleans()},
    optional={
        "alpha": st.floats(1e-4, 1 - 1e-4),
        "correction": st.sampled_from(["none", "holm", "hochberg", "bh", "by"]),
        "planned_n": st.integers(1, 10**9),
        "prior": st.fixed_dictionaries({"mean": st.floats(-9, 9), "sd": st.floats(1e-3, 9)}),
    },
)


@settings(max_examples=60)
@given(st.lists(sizes.flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=2,
                max_size=5), options)  # fmt: skip
def test_no_counts_give_a_wrong_number(counts, chosen):
    asked = rates(*counts, **chosen)
    check_answer(analyze(asked), asked)


@st.composite
def means(draw):
    """Sums of real visitors, of any size, all equal or not."""
    scale = 10.0 ** draw(st.integers(-30, 30))
    arms = []
    for name in "abc"[: draw(st.integers(2, 3))]:
        drawn = draw(st.lists(st.floats(-9, 9), min_size=0, max_size=6))
        # Nothing so small that its square is 0 in floats: such sums contradict themselves.
        values = np.array([value if abs(value) > 1e-9 else 0.0 for value in drawn]) * scale
        n = draw(st.sampled_from([1, 50, 10**9]))
        values = np.asarray(values, dtype=float)
        total, squares = float(values.sum() * n), float((values**2).sum() * n)
        arms.append({"name": name, "n": len(values) * n, "sum": total, "sum_squares": squares})
    return arms


@settings(max_examples=150)
@given(means(), options)
def test_no_sums_give_a_wrong_number(arms, chosen):
    method = "fixed" if chosen["method"] == "exact" else chosen["method"]
    asked = {"metric": "mean", "arms": arms} | chosen | {"method": method}
    check_answer(analyze(asked), asked)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.data())
def test_any_broken_field_is_refused_or_answered_in_finite_numbers(data):
    base = EXAMPLE | {"method": "fixed", "shares": [0.5, 0.5], "alpha": 0.05}
    asked = json.loads(json.dumps(base))
    place = data.draw(st.sampled_from([asked, asked["arms"][0]]))
    name = data.draw(st.sampled_from([*place, "prior", "planned_n", "covariate_sum", "metric"]))
    place[name] = data.draw(anything)
    try:
        answer = analyze(asked)
    except InvalidRequest as error:
        assert error.field  # noqa: PT017 - most draws raise, some do not
    else:
        check_answer(answer, asked)


def looked_at(*looks, **options):
    """Return a request with its looks, the last one now; each is (visitors, clicks) by arm."""
    *earlier, now = (rates(*look) for look in looks)
    return now | {"looks": [{"arms": look["arms"]} for look in earlier]} | options


# An arm that is proven on the second look and falls back to nothing on the fourth.
PATH = [
    ((5_000, 250), (5_000, 290)),
    ((10_000, 500), (10_000, 600)),
    ((12_000, 600), (12_000, 690)),
    ((14_000, 700), (14_000, 705)),
]


def test_earlier_looks_keep_what_was_proven():
    row = only(analyze(looked_at(*PATH, planned_n=20_000)))
    alone = only(analyze(rates(*PATH[1], planned_n=20_000)))
    assert row["p_value"] == pytest.approx(alone["p_value"])
    assert row["p_value"] < 0.01
    assert row["interval"][0] == pytest.approx(alone["interval"][0])
    assert row["interval"][0] > 0
    assert row["lift"] == pytest.approx(705 / 700 - 1)
    assert row["proven"] == {
        "look": 2,
        "p_value_adjusted": pytest.approx(alone["p_value"]),
        "lift": pytest.approx(0.2),
        "visitors": 20_000,
    }
    assert only(analyze(rates(*PATH[3], planned_n=20_000)))["p_value"] > 0.5


def test_looks_are_read_as_a_report_reads_them():
    """The same days as rollups of an experiment: `compare_looks` within one phase."""
    shares = [0.5, 0.25, 0.25]
    rng = np.random.default_rng(8)
    n = rng.multinomial(3_000, shares, 20).cumsum(axis=0)
    clicks = rng.binomial(np.diff(n, axis=0, prepend=0), [0.05, 0.06, 0.05]).cumsum(axis=0)
    looks = [tuple(zip(*day, strict=True)) for day in zip(n.tolist(), clicks.tolist(), strict=True)]
    answer = analyze(looked_at(*looks, planned_n=50_000, shares=shares, relative=False))
    schedule = Schedule(
        planned_visitors=50_000, alpha=0.05, shares=np.array([shares]),
        is_scheduled=np.ones(20, dtype=bool),
    )  # fmt: skip
    sums = Proportion(n=n[:, None].astype(float), sum=clicks[:, None].astype(float))
    p_values = compare_looks(sums, schedule).comparisons.p_value
    levels = interval_levels(p_values, "holm", 0.05)
    expected = compare_looks(sums, schedule, level=levels).comparisons
    assert [row["p_value"] for row in answer["comparisons"]] == pytest.approx(p_values.tolist())
    assert [row["interval"][0] for row in answer["comparisons"]] == pytest.approx(
        expected.effect_low.tolist()
    )


def test_first_look_of_a_series_has_no_earlier_one():
    row = only(analyze(looked_at(PATH[0], planned_n=20_000)))
    assert row["proven"] is None
    assert row["p_value"] == pytest.approx(
        only(analyze(rates(*PATH[0], planned_n=20_000)))["p_value"]
    )
    assert "proven" not in only(analyze(rates(*PATH[0])))


@pytest.mark.parametrize("metric", ["mean", "ratio"])
def test_looks_of_every_metric_are_read(metric):
    def arm(name, day, extra):
        n, total = 1_000 * day, (50 + extra) * 20 * day
        values = {
            "mean": {"sum": total, "sum_squares": 30 * total},
            "ratio": {
                "numerator_sum": total, "numerator_sum_squares": 30 * total,
                "denominator_sum": 3 * n, "denominator_sum_squares": 12 * n,
                "product_sum": 4 * total,
            },
        }  # fmt: skip
        return {"name": name, "n": n} | values[metric]

    days = [[arm("a", day, 0), arm("b", day, 15)] for day in range(1, 15)]
    request = {
        "metric": metric, "planned_n": 28_000, "arms": days[-1],
        "looks": [{"arms": day} for day in days[:-1]],
    }  # fmt: skip
    row = only(analyze(request))
    assert row["proven"]["look"] < 14
    assert row["interval"][0] > 0


def test_looks_are_for_the_sequential_method():
    with pytest.raises(InvalidRequest, match="looks: are for method sequential, not fixed"):
        analyze(looked_at(*PATH, method="fixed"))


def test_cost_of_exact_tests_is_bounded():
    most = rates(*[(500, 50)] * 11)
    assert len(analyze(most | {"method": "exact"})["comparisons"]) == 10
    more = rates(*[(500, 50)] * 12)
    with pytest.raises(InvalidRequest, match=r"^arms: have 11,000 visitors in comparisons by"):
        analyze(more | {"method": "exact"})
    # Larger arms are compared by Fisher's test, which takes a thousandth of the time.
    large = rates(*[(50_000, 500)] * 30, method="exact")
    assert len(analyze(large)["comparisons"]) == 29
