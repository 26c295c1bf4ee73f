import pytest

from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.insights.segments import MOST_VALUES, segment_results, segment_totals
from tests import factories
from tests.experiments.services.counted_experiments import count, reported

pytestmark = pytest.mark.on_both_databases

DEVICES = {
    "device=mobile": ((8_000, 400), (8_000, 480)),
    "device=desktop": ((4_000, 200), (4_000, 230)),
    "device=tablet": ((400, 20), (400, 45)),
}

OTHERS = {
    "new_visitor=true": ((4_000, 200), (4_000, 400), (4_000, 200)),
    "new_visitor=false": ((4_000, 200), (4_000, 200), (4_000, 200)),
}


def split(experiment, segments):
    """The results of these segments, beside everybody's counts."""
    whole = [
        tuple(sum(column) for column in zip(*arms, strict=True))
        for arms in zip(*segments.values(), strict=True)
    ]
    count(experiment, *whole)
    for segment, counts in segments.items():
        count(experiment, *counts, segment=segment)
    report = reported(experiment)
    return segment_results(report, segment_totals(report, StoredCounts(report.experiment)))


def test_segments_are_in_the_order_of_their_size(running_experiment):
    (row,) = split(running_experiment, DEVICES)
    assert (row.attribute, row.arm, row.hidden) == ("device", 1, 0)
    assert [one.name for one in row.result.segments] == ["mobile", "desktop", "tablet"]
    assert [one.n for one in row.result.segments] == [16_000, 8_000, 800]


def test_segment_has_its_own_lift(running_experiment):
    (row,) = split(running_experiment, DEVICES)
    assert row.result.segments[0].effect == pytest.approx(0.2)


def test_smallest_segment_is_not_the_biggest_winner(running_experiment):
    (row,) = split(running_experiment, DEVICES)
    tablet = row.result.segments[2]
    assert tablet.effect == pytest.approx(1.25)
    assert tablet.shrunken_effect < 0.4
    assert not row.result.interaction.differs
    assert tablet.p_value_adjusted == 1.0


def test_attributes_and_arms_are_one_family(slot):
    experiment = factories.make_running_experiment(
        slot, shares={"control": "0.3334", "b": "0.3333", "c": "0.3333"}
    )
    halves = ((4_000, 200), (4_000, 300), (4_000, 200))
    rows = split(experiment, {"device=mobile": halves, "device=desktop": halves, **OTHERS})
    assert [(row.attribute, row.arm) for row in rows] == [
        ("device", 1), ("device", 2), ("new_visitor", 1), ("new_visitor", 2),
    ]  # fmt: skip
    differing = rows[2].result.interaction
    assert differing.differs
    assert differing.p_value_adjusted == pytest.approx(4 * differing.p_value)
    assert {row.valid for row in rows} == {"at every look"}


def test_segments_that_differ_are_an_interaction(running_experiment):
    (row,) = split(
        running_experiment,
        {
            "new_visitor=true": ((9_000, 450), (9_000, 720)),
            "new_visitor=false": ((9_000, 450), (9_000, 430)),
        },
    )
    assert row.result.interaction.differs
    called = [one.name for one in row.result.segments if one.p_value_adjusted <= 0.05]
    assert called == ["true"]


def test_segment_below_the_floor_has_a_reason(running_experiment):
    tiny = {"device=tablet": ((90, 5), (90, 9))}
    (row,) = split(running_experiment, DEVICES | tiny)
    assert row.result.segments[2].effect is None
    assert row.result.segments[2].reason


def test_smaller_values_are_counted_not_shown(running_experiment):
    countries = {
        f"country=A{letter}": ((1_000 + index, 50), (1_000, 50))
        for index, letter in enumerate("ABCDEFGHIJ")
    }
    (row,) = split(running_experiment, countries)
    assert (len(row.result.segments), row.hidden) == (MOST_VALUES, 2)
    assert row.result.segments[0].name == "AJ"


def test_segments_cost_two_queries(running_experiment, django_assert_num_queries):
    split(running_experiment, DEVICES)
    report = reported(running_experiment)
    with django_assert_num_queries(2):
        segment_totals(report, StoredCounts(report.experiment))
