from experiments.services.analysis.rollup_source import StoredCounts
from tests import factories


def test_stored_counts_separate_everybody_from_segments(running_experiment):
    arm = running_experiment.variants.get(arm=0)
    factories.make_rollup(arm, visitors=10)
    factories.make_rollup(arm, visitors=4, segment="device=mobile")
    counts = StoredCounts(running_experiment)
    assert [row.visitors for row in counts.everybody()] == [10]
    assert [(row.segment, row.visitors) for row in counts.segments()] == [("device=mobile", 4)]
    assert list(counts.goals()) == []


def test_stored_counts_ask_the_database_once_for_both(
    running_experiment, django_assert_num_queries
):
    counts = StoredCounts(running_experiment)
    with django_assert_num_queries(1):
        counts.everybody()
        counts.segments()
