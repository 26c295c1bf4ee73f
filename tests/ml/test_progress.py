import pytest

from ml.progress import no_progress, within


def test_parts_of_a_computation_fill_its_whole():
    fractions = []
    within(fractions.append, 0.0, 0.25)(1.0)
    within(within(fractions.append, 0.25, 0.5), 0.5, 0.5)(1.0)
    assert fractions == [0.25, pytest.approx(0.75)]


def test_progress_can_be_ignored():
    assert no_progress(0.5) is None
