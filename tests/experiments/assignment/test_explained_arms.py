import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment.explained_arms import explains
from experiments.assignment.hashing import (
    BUCKETS,
    NamespaceFilter,
    assign_visitor,
    compile_allocation,
)
from experiments.assignment.phases import compile_phases, first_slices, moved_slices

VISITORS = st.text(min_size=1, max_size=40)
COURSES = st.lists(
    st.tuples(
        st.sampled_from(
            [(0.5, 0.3, 0.2), (0.2, 0.3, 0.5), (1.0, 0.0, 0.0), (0.0, 0.5, 0.5), (1 / 3,) * 3]
        ),
        st.sampled_from([0.01, 0.5, 0.9, 1.0]),
    ),
    min_size=1,
    max_size=5,
)


def history_of(courses):
    history = []
    for shares, coverage in courses:
        slices = moved_slices(history, shares, coverage) if history else None
        history.append(slices or first_slices(shares, coverage))
    return history


@given(COURSES, st.lists(VISITORS, min_size=1, max_size=30))
def test_exactly_the_arm_that_each_phase_gave_is_explained(courses, visitors):
    history = history_of(courses)
    rules = compile_phases(seed="s", history=history, n_arms=3)
    # What was served in each phase: by the rules as they were then.
    served = [
        compile_phases(seed="s", history=history[: number + 1], n_arms=3)
        for number in range(len(history))
    ]
    for visitor in visitors:
        given_arms = [assign_visitor(then, visitor).arm for then in served]
        for arm in range(3):
            for phase, given_arm in enumerate(given_arms):
                assert explains(rules, visitor, arm, phase=phase) == (arm == given_arm)
            assert explains(rules, visitor, arm) == (arm in given_arms)


@given(st.sampled_from([0.0, 0.013, 0.5, 1.0]), VISITORS)
def test_single_phase_explains_what_its_hash_gives(coverage, visitor):
    rules = compile_allocation(seed="s", shares=[0.5, 0.25, 0.25], coverage=coverage)
    given_arm = assign_visitor(rules, visitor).arm
    explained = [arm for arm in range(3) if explains(rules, visitor, arm)]
    assert explained == ([] if given_arm is None else [given_arm])
    assert [arm for arm in range(3) if explains(rules, visitor, arm, phase=0)] == explained


def test_filters_are_not_looked_at():
    nobody = NamespaceFilter(seed="n", ranges=())
    rules = compile_allocation(seed="s", shares=[1.0], filters=[nobody])
    assert assign_visitor(rules, "v-1").arm is None
    assert explains(rules, "v-1", 0)


@pytest.mark.parametrize(
    ("visitor", "arm", "phase"), [("", 0, None), ("v-1", -1, None), ("v-1", 0, 1), ("v-1", 0, -1)]
)
def test_what_cannot_be_is_not_explained(visitor, arm, phase):
    rules = compile_phases(seed="s", history=[[(0, BUCKETS, 0)]], n_arms=1)
    assert not explains(rules, visitor, arm, phase=phase)


def test_bucket_that_was_nobodys_explains_no_arm():
    rules = compile_phases(seed="s", history=[[(0, 1, 0), (1, 2, 1)]], n_arms=2)
    assert not any(explains(rules, f"v-{n}", arm) for n in range(50) for arm in (-1, 0, 1))
