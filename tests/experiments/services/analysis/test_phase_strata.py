import numpy as np
import pytest

from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.services.analysis import phase_strata
from experiments.services.analysis.phase_strata import strata_of
from tests import factories


def strata(experiment):
    return strata_of(experiment, list(experiment.variants.order_by("arm")))


def test_experiment_without_phases_is_one_stratum(running_experiment):
    found = strata(running_experiment)
    assert found.shares.tolist() == [[0.5, 0.5]]
    assert not found.has_changed_shares
    # Nothing is in doubt while shares never changed.
    assert found.of(UNKNOWN_PHASE) == 0


def test_phases_of_equal_shares_are_one_stratum(running_experiment):
    factories.make_phases(
        running_experiment, ([0.5, 0.5], 0.1), ([0.9, 0.1], 1.0), ([0.5, 0.5], 1.0)
    )
    found = strata(running_experiment)
    assert found.shares == pytest.approx(np.array([[0.5, 0.5], [0.9, 0.1]]))
    assert [found.of(number) for number in range(3)] == [0, 1, 0]
    assert found.of(UNKNOWN_PHASE) is None
    assert found.has_changed_shares


def test_coverage_alone_changes_no_shares(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 0.1), ([0.5, 0.5], 1.0))
    assert not strata(running_experiment).has_changed_shares


def test_too_many_shares_are_joined_with_their_neighbours(running_experiment, monkeypatch):
    monkeypatch.setattr(phase_strata, "MOST_STRATA", 2)
    parts = (0.5, 0.6, 0.7, 0.8)
    factories.make_phases(running_experiment, *[([part, 1 - part], 1.0) for part in parts])
    found = strata(running_experiment)
    assert found.is_merged
    assert [found.of(number) for number in range(4)] == [0, 0, 1, 1]
    assert found.shares == pytest.approx(np.array([[0.55, 0.45], [0.75, 0.25]]), abs=1e-3)
