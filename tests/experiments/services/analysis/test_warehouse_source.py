from dataclasses import dataclass

import pytest

from experiments.models import Rollup
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.analysis.warehouse_source import differences, experiment_query
from experiments.services.rollups.segment_outcomes import outcomes_by_segment
from experiments.warehouse.experiment_query import NO_OFFSETS
from tests import factories


@dataclass
class FixedCounts:
    """Counts given by a test."""

    rows: list[Rollup]

    def everybody(self):
        return [row for row in self.rows if not row.segment]

    def segments(self):
        return [row for row in self.rows if row.segment]

    def segment(self, name):
        return [row for row in self.rows if row.segment == name]

    def outcomes(self):
        return outcomes_by_segment(self.segments())

    def goals(self):
        return []

    def currencies(self):
        return []


@pytest.fixture
def stored(running_experiment):
    factories.make_rollup(running_experiment.variants.get(arm=0), visitors=10, clicks=2)
    return StoredCounts(running_experiment)


def copies_of(counts, **changes):
    return FixedCounts([row._replace(**changes) for row in counts.everybody()])


def test_equal_counts_have_no_differences(stored, running_experiment):
    assert differences(stored, copies_of(StoredCounts(running_experiment))) == []


def test_each_number_that_differs_is_named(stored, running_experiment):
    counted = copies_of(StoredCounts(running_experiment), clicking_visitors=3)
    (difference,) = differences(stored, counted)
    assert "clicking_visitors" in difference
    assert "2" in difference
    assert "3" in difference


def test_row_that_is_missing_is_a_difference(stored):
    assert differences(stored, FixedCounts([])) != []


def test_query_names_the_experiment_by_keys(running_experiment):
    query = experiment_query(running_experiment)
    assert (query.site, query.experiment) == ("shop", "hero-test")
    assert (query.metric, query.stopped_at) == ("click_rate", None)


def test_draft_is_asked_for_with_the_days_of_utc(draft):
    """The dry run of a query; of a draft nothing can be counted yet."""
    assert draft.started_at is None
    assert experiment_query(draft).offsets == NO_OFFSETS
