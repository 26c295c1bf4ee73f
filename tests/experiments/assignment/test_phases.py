from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from experiments.assignment.hashing import (
    BUCKETS,
    assign_visitor,
    bucket_ranges,
    compile_allocation,
)
from experiments.assignment.phases import (
    compile_phases,
    first_slices,
    moved_slices,
    propensities,
    slices_of,
)

VISITORS = [f"v-{n}" for n in range(3_000)]


@st.composite
def rules(draw, n_arms):
    """Shares in steps of 0.01 % and a coverage, as the admin takes them."""
    cuts = sorted(draw(st.lists(st.integers(1, BUCKETS), min_size=n_arms, max_size=n_arms)))
    total = sum(cuts)
    shares = [round(cut / total, 4) for cut in cuts]
    shares[-1] = round(1 - sum(shares[:-1]), 4)
    return shares, draw(st.integers(1, BUCKETS)) / BUCKETS


@st.composite
def courses(draw):
    """The rules of one to four phases of one experiment."""
    n_arms = draw(st.integers(1, 4))
    return [draw(rules(n_arms)) for _ in range(draw(st.integers(1, 4)))]


def history_of(course):
    history = [first_slices(*course[0])]
    for shares, coverage in course[1:]:
        history.append(moved_slices(history, shares, coverage))
    return history


def owners_of(slices):
    owners = np.full(BUCKETS, -1)
    for first, end, arm in slices:
        assert (owners[first:end] == -1).all()
        owners[first:end] = arm
    return owners


def sizes_of(slices, n_arms):
    return np.bincount(owners_of(slices) + 1, minlength=n_arms + 1)[1:]


def compiled(course, **changes):
    history = history_of(course)
    values = {"seed": "hero", "history": history, "n_arms": len(course[0][0])}
    return compile_phases(**(values | changes))


@settings(max_examples=40)
@given(courses())
def test_every_phase_has_the_shares_and_the_coverage(course):
    for slices, (shares, coverage) in zip(history_of(course), course, strict=True):
        counts = sizes_of(slices, len(shares))
        assert counts.sum() == round(coverage * BUCKETS)
        assert np.abs(counts - np.multiply(shares, coverage * BUCKETS)).max() < 1


@settings(max_examples=40)
@given(courses())
def test_no_arm_loses_a_bucket_that_it_could_keep(course):
    owners = [owners_of(slices) for slices in history_of(course)]
    for before, after in pairwise(owners):
        for arm in range(len(course[0][0])):
            kept = np.sum((before == arm) & (after == arm))
            assert kept == min(np.sum(before == arm), np.sum(after == arm))


# An arm lost a bucket here as long as the largest remainders were rounded up.
@example(rule=([0.0268, 0.1964, 0.7768], 0.002), coverage=24)
@settings(max_examples=40)
@given(rules(5), st.integers(1, BUCKETS))
def test_raising_the_coverage_moves_nobody_and_ends_where_it_might_have_begun(rule, coverage):
    shares, low = rule
    high = max(low, coverage / BUCKETS)
    raised = moved_slices([first_slices(shares, low)], shares, high)
    before, after = owners_of(first_slices(shares, low)), owners_of(raised)
    assert (after[before >= 0] == before[before >= 0]).all()
    np.testing.assert_array_equal(after, owners_of(first_slices(shares, high)))


@settings(max_examples=25)
@given(st.integers(2, 8).flatmap(rules), st.integers(1, 30))
def test_no_step_of_a_coverage_that_grows_takes_a_bucket_from_an_arm(rule, step):
    shares, _ = rule
    before = np.zeros(len(shares), int)
    for seats in range(1, 300, step):
        sizes = sizes_of(first_slices(shares, seats / BUCKETS), len(shares))
        assert (sizes.sum(), (sizes < before).any()) == (seats, False)
        assert np.abs(sizes - np.multiply(shares, seats)).max() < 1
        before = sizes


@pytest.mark.parametrize("n_arms", [1, 2, 3, 7])
def test_arms_of_equal_shares_are_never_more_than_one_bucket_apart(n_arms):
    for seats in range(1, 40):
        sizes = sizes_of(first_slices([1 / n_arms] * n_arms, seats / BUCKETS), n_arms)
        assert np.ptp(sizes) <= 1


def largest_remainders(shares, seats):
    """The slices of a first phase as they were rounded before."""
    exact = np.multiply(shares, seats)
    sizes = np.floor(exact + 1e-6).astype(int)
    sizes[np.argsort(sizes - exact, kind="stable")[: seats - sizes.sum()]] += 1
    starts = np.round(np.cumsum([0.0, *shares[:-1]]) * BUCKETS).astype(int)
    ends = starts + sizes
    return [
        (int(first), int(end), arm)
        for arm, (first, end) in enumerate(zip(starts, ends, strict=True))
        if end > first
    ]


@example(rule=([0.0268, 0.1964, 0.7768], 0.002), more=4)
@settings(max_examples=40)
@given(st.integers(2, 4).flatmap(rules), st.integers(0, 5))
def test_phase_that_was_rounded_otherwise_keeps_its_buckets_when_the_coverage_grows(rule, more):
    shares, coverage = rule
    seats = max(round(coverage * BUCKETS) % 100, 1)
    past = largest_remainders(shares, seats)
    before = owners_of(past)
    after = owners_of(moved_slices([past], shares, (seats + more) / BUCKETS))
    assert (after[before >= 0] == before[before >= 0]).all()
    assert np.sum(after >= 0) == seats + more


def test_change_and_change_back_leaves_everybody_where_they_were():
    start = first_slices([0.5, 0.3, 0.2], 1.0)
    away = moved_slices([start], [0.2, 0.5, 0.3], 1.0)
    assert moved_slices([start, away], [0.5, 0.3, 0.2], 1.0) == start


def test_growing_arm_takes_those_whom_nobody_had_first():
    start = first_slices([0.5, 0.5], 0.2)
    slices = moved_slices([start], [0.75, 0.25], 0.2)
    assert slices == ((0, 1_500, 0), (5_000, 5_500, 1))
    # Given up by arm 1, taken by nobody: whoever was there before is asked for, nobody else.
    allocation = compile_phases(seed="s", history=[start, slices], n_arms=2)
    former = [piece.former[0].arm for piece in allocation.pieces if piece.former]
    assert former == [1]


@settings(max_examples=40)
@given(courses())
def test_compiled_phases_give_each_visitor_the_arm_of_the_present_and_all_former_ones(course):
    history = history_of(course)
    alone = [compile_phases(seed="hero", history=[s], n_arms=len(course[0][0])) for s in history]
    rules_now = compiled(course)
    for visitor in VISITORS[:30]:
        arms = [assign_visitor(one, visitor) for one in alone]
        found = assign_visitor(rules_now, visitor)
        assert found.arm == arms[-1].arm
        assert found.propensity == arms[-1].propensity
        others = {one.arm for one in arms} - {None, found.arm}
        assert {one.arm for one in found.former} == others


def test_former_arm_comes_with_its_latest_propensity():
    course = [([0.5, 0.5], 1.0), ([0.8, 0.2], 1.0), ([0.9, 0.1], 1.0)]
    allocation = compiled(course)
    doubtful = [piece for piece in allocation.pieces if piece.former]
    assert [(p.arm, p.former[0].arm, p.former[0].propensity) for p in doubtful] == [
        (0, 1, 0.2),
        (0, 1, 0.5),
    ]


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.1, 0.2, 0.7], [0.3333, 0.3333, 0.3334]], ids=str)
@pytest.mark.parametrize("coverage", [0.01, 0.25, 1.0])
def test_slices_of_ranges_give_each_visitor_the_same_arm(shares, coverage):
    ranges = bucket_ranges(len(shares), coverage, shares)
    by_range = compile_allocation(seed="hero", shares=shares, coverage=coverage)
    by_slice = compile_phases(seed="hero", history=[slices_of(ranges)], n_arms=len(shares))
    for visitor in VISITORS:
        assert assign_visitor(by_range, visitor).arm == assign_visitor(by_slice, visitor).arm


def test_slices_of_ranges_is_exact_at_every_bucket():
    bounds = list(accumulate([0.1, 0.2, 0.3, 0.4]))
    ranges = list(zip([0.0, *bounds], bounds, strict=False))
    owners = owners_of(slices_of(ranges))
    for bucket in range(BUCKETS):
        holds = [start <= bucket / BUCKETS < end for start, end in ranges]
        assert owners[bucket] == (holds.index(True) if True in holds else -1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moved_slices([], [1.0], 1.0), "history: at least the present phase"),
        (lambda: moved_slices([[(0, 9, 1)]], [1.0], 1.0), "history: it has more than the 1 arms"),
        (lambda: moved_slices([[(0, 9, 0)]], [0.9], 1.0), r"shares: they sum to 0\.9"),
        (lambda: first_slices([1.0], 1.5), r"coverage: 1\.5 is not in"),
        (lambda: moved_slices([[(0, 10_001, 0)]], [1.0], 1.0), "slices: .* does not lie in 0"),
        (lambda: propensities([], 2), "slices: they take nobody in"),
        (lambda: compile_phases(seed="", history=[[(0, 9, 0)]], n_arms=1), "seed: must not"),
    ],
    ids=["no history", "an arm less", "shares", "coverage", "bucket", "nobody", "seed"],
)
def test_impossible_phases_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
