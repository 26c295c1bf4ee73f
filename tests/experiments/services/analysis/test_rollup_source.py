from experiments.selectors import reports
from experiments.services.analysis.rollup_source import StoredCounts
from tests import factories


def counts_of(experiment):
    arm = experiment.variants.get(arm=0)
    factories.make_rollup(arm, visitors=10)
    factories.make_rollup(arm, visitors=4, segment="device=mobile")
    factories.make_rollup(arm, visitors=6, segment="device=tablet")
    return StoredCounts(reports.experiments_for_report().get(pk=experiment.pk))


def test_stored_counts_separate_everybody_from_segments(running_experiment):
    counts = counts_of(running_experiment)
    assert [row.visitors for row in counts.everybody()] == [10]
    assert [(row.segment, row.visitors) for row in counts.segments()] == [
        ("device=mobile", 4),
        ("device=tablet", 6),
    ]
    assert [row.visitors for row in counts.segment("device=tablet")] == [6]
    assert sorted(one.visitors for one in counts.outcomes().values()) == [4, 6]
    assert list(counts.goals()) == []


def test_stored_counts_hold_the_arms_that_are_read_already(
    running_experiment, django_assert_num_queries
):
    counts = counts_of(running_experiment)
    with django_assert_num_queries(1):
        assert {row.variant.key for row in counts.everybody()} == {"control"}


def test_stored_counts_ask_the_database_once_for_each_kind(
    running_experiment, django_assert_num_queries
):
    counts = counts_of(running_experiment)
    # Everybody's rows, and of the segments the counts and the sums of values.
    with django_assert_num_queries(3):
        counts.everybody()
        counts.outcomes()
        counts.everybody()
        counts.outcomes()


def test_rows_are_as_those_of_the_models(running_experiment):
    counts = counts_of(running_experiment)
    arm = running_experiment.variants.get(arm=1)
    factories.make_rollup(arm, visitors=8, clicks=3, value_sum="12.50")
    stored = list(reports.rollups_of(running_experiment))
    for read, row in zip(counts.everybody(), stored, strict=True):
        assert all(getattr(read, name) == getattr(row, name) for name in read._fields)
