from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from experiments.assignment.hashing import (
    NO_UNIT,
    OUTSIDE_COVERAGE,
    OUTSIDE_NAMESPACE,
    Assignment,
    NamespaceFilter,
    assign_visitor,
    bucket_ranges,
    choose_variation,
    compile_allocation,
    equal_shares,
    fnv1a32,
    hash_unit,
    in_namespace,
)

VISITORS = [f"v-{number}" for number in range(20_000)]

texts = st.text(st.characters(), max_size=40)
raw_shares = st.lists(st.integers(1, 100), min_size=1, max_size=8)


def normalised(weights):
    return [weight / sum(weights) for weight in weights]


def arms(visitors=VISITORS, **rules):
    allocation = compile_allocation(**rules)
    return [assign_visitor(allocation, visitor).arm for visitor in visitors]


@pytest.mark.needs_shared
def test_hash_unit_agrees_with_growthbook(conformance):
    rows = [row for row in conformance["hash"] if row[2] == 2]
    assert len(rows) == 7
    assert [hash_unit(seed, value) for seed, value, *_ in rows] == [row[3] for row in rows]


@pytest.mark.needs_shared
def test_bucket_ranges_agree_with_growthbook(conformance):
    assert len(conformance["getBucketRange"]) == 13
    for name, arguments, expected in conformance["getBucketRange"]:
        ranges = bucket_ranges(*arguments)
        assert len(ranges) == len(expected), name
        assert np.allclose(ranges, expected, atol=1e-12), name


@pytest.mark.needs_shared
def test_choose_variation_agrees_with_growthbook(conformance):
    assert len(conformance["chooseVariation"]) == 13
    for name, place, ranges, expected in conformance["chooseVariation"]:
        assert choose_variation(place, ranges) == expected, name


@pytest.mark.needs_shared
def test_in_namespace_agrees_with_growthbook(conformance):
    assert len(conformance["inNamespace"]) == 16
    for name, unit, namespace, expected in conformance["inNamespace"]:
        assert in_namespace(unit, *namespace) is expected, name


@pytest.mark.needs_shared
def test_equal_shares_agree_with_growthbook(conformance):
    assert len(conformance["getEqualWeights"]) == 6
    for n_arms, expected in conformance["getEqualWeights"]:
        assert [round(share, 8) for share in equal_shares(n_arms)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    # 32-bit vectors of the FNV specification (IETF draft-eastlake-fnv, appendix C).
    [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)],
)
def test_fnv1a32_gives_the_published_vectors(text, expected):
    assert fnv1a32(text) == expected


@pytest.mark.parametrize(
    ("seed", "unit", "expected"),
    # As the JavaScript SDK answers (@growthbook/growthbook 1.8.0, util.hash under Node 20).
    [("sé", "zoë", 0.4193), ("seed", "日本", 0.9652), ("seed", "😀", 0.4346), ("😀", "a", 0.3227)],
)
def test_hash_unit_reads_utf16_code_units(seed, unit, expected):
    assert hash_unit(seed, unit) == expected


@given(texts, texts)
def test_fnv1a32_can_go_on_from_a_prefix(prefix, text):
    assert fnv1a32(text, fnv1a32(prefix)) == fnv1a32(prefix + text)


@given(raw_shares, st.floats(0, 1))
def test_ranges_are_apart_and_as_long_as_share_times_coverage(weights, coverage):
    shares = normalised(weights)
    ranges = bucket_ranges(len(shares), coverage, shares)
    lengths = [end - start for start, end in ranges]
    assert np.allclose(lengths, np.multiply(shares, coverage), atol=1e-12)
    assert all(left[1] <= right[0] + 1e-12 for left, right in pairwise(ranges))


@given(texts, raw_shares, st.floats(0, 1), st.floats(0, 1))
def test_lower_coverage_keeps_the_arm_of_who_remains(visitor, weights, one, other):
    low, high = sorted([one, other])
    shares = normalised(weights)
    arm_low, arm_high = (
        arms([visitor], seed="ramp", shares=shares, coverage=coverage)[0]
        for coverage in (low, high)
    )
    assert arm_low in (arm_high, None)


@given(texts.filter(bool), texts.filter(bool), raw_shares)
def test_assignment_is_sticky_and_total_at_full_coverage(seed, visitor, weights):
    shares = normalised(weights)
    first = assign_visitor(compile_allocation(seed=seed, shares=shares), visitor)
    again = assign_visitor(compile_allocation(seed=seed, shares=shares), visitor)
    assert first == again
    assert first.arm is not None
    assert first.propensity == shares[first.arm]


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.1, 0.2, 0.7], [0.25] * 4], ids=str)
def test_assignment_meets_the_shares(shares):
    counts = np.bincount(arms(seed="shares", shares=shares), minlength=len(shares))
    # SRM alarm level: fails only if the split is clearly off.
    assert chisquare(counts, np.multiply(shares, len(VISITORS))).pvalue > 0.001


def test_assignment_takes_in_the_covered_part():
    taken = [arm for arm in arms(seed="part", shares=[0.3, 0.7], coverage=0.4) if arm is not None]
    expected = np.multiply([0.3, 0.7], 0.4 * len(VISITORS))
    assert abs(len(taken) / len(VISITORS) - 0.4) < 0.015
    assert chisquare(np.bincount(taken), expected * len(taken) / expected.sum()).pvalue > 0.001


@pytest.mark.parametrize(
    ("one", "other"), [("exp-a", "exp-b"), ("exp-1", "exp-2"), ("hero", "hero-signup")]
)
def test_experiments_with_similar_seeds_are_independent(one, other):
    deciles = [[int(10 * hash_unit(seed, v)) for v in VISITORS] for seed in (one, other)]
    table = np.zeros((10, 10))
    np.add.at(table, tuple(deciles), 1)
    # Hash version 1 gives p = 0 here: chi-squared in the thousands on 81 degrees of freedom.
    assert chi2_contingency(table).pvalue > 0.001


def namespace_part(start, end, unit=None):
    return NamespaceFilter(seed="checkout", ranges=((start, end),), unit=unit)


def test_disjoint_parts_of_a_namespace_never_share_a_visitor():
    left = arms(seed="left", shares=[0.5, 0.5], filters=[namespace_part(0, 0.4)])
    right = arms(seed="right", shares=[0.5, 0.5], filters=[namespace_part(0.4, 1)])
    assert all((a is None) != (b is None) for a, b in zip(left, right, strict=True))


def test_namespace_does_not_bias_the_split_inside():
    taken = arms(seed="inside", shares=[0.5, 0.5], filters=[namespace_part(0.2, 0.6)])
    counts = np.bincount([arm for arm in taken if arm is not None])
    assert chisquare(counts).pvalue > 0.001


def test_namespace_can_own_another_unit():
    allocation = compile_allocation(
        seed="team", shares=[1.0], filters=[namespace_part(0, 0.5, unit="account")]
    )
    place = hash_unit("checkout", "acme")
    assigned = {assign_visitor(allocation, v, {"account": "acme"}).arm for v in VISITORS[:50]}
    assert assigned == ({0} if place < 0.5 else {None})


@pytest.mark.parametrize(
    ("visitor", "units", "reason"),
    [("", None, NO_UNIT), ("v-1", None, NO_UNIT), ("v-1", {"account": ""}, NO_UNIT)],
    ids=["no visitor", "no units", "empty unit"],
)
def test_assignment_without_an_identifier_says_so(visitor, units, reason):
    allocation = compile_allocation(
        seed="team", shares=[1.0], filters=[namespace_part(0, 1, unit="account")]
    )
    assert assign_visitor(allocation, visitor, units) == Assignment(
        arm=None, propensity=None, reason=reason
    )


def test_assignment_says_what_kept_a_visitor_out():
    uncovered = compile_allocation(seed="none", shares=[0.5, 0.5], coverage=0)
    held_out = compile_allocation(seed="none", shares=[1.0], filters=[namespace_part(0, 0)])
    assert assign_visitor(uncovered, "v-1").reason == OUTSIDE_COVERAGE
    assert assign_visitor(held_out, "v-1").reason == OUTSIDE_NAMESPACE


def test_arm_without_share_gets_nobody():
    assert set(arms(seed="adaptive", shares=[0.5, 0.0, 0.5])) == {0, 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": ""}, "seed: must not be empty"),
        ({"shares": []}, "shares: at least one arm"),
        ({"shares": [-0.1, 1.1]}, r"shares: -0\.1 is not in"),
        ({"shares": [float("nan"), 1]}, "shares: nan is not in"),
        ({"shares": [0.5, 0.4]}, r"shares: they sum to 0\.9"),
        ({"coverage": 1.2}, r"coverage: 1\.2 is not in"),
        ({"coverage": float("nan")}, "coverage: nan is not in"),
        ({"filters": [NamespaceFilter(seed="", ranges=())]}, "filters: the seed must not be empty"),
        ({"filters": [namespace_part(0.5, 0.4)]}, r"filters: range \[0\.5, 0\.4\)"),
        ({"filters": [namespace_part(0.5, 1.4)]}, r"filters: range \[0\.5, 1\.4\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_compile_allocation_refuses_impossible_rules(changes, message):
    with pytest.raises(ValueError, match=message):
        compile_allocation(**{"seed": "hero", "shares": [0.5, 0.5], **changes})
