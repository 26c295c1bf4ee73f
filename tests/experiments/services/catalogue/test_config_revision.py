import pytest

from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases


def test_revision_moves_by_one(db):
    assert serving.config_revision() == 0
    for expected in (1, 2, 3):
        bump_revision()
        assert serving.config_revision() == expected


def test_first_changes_ever_at_the_same_moment_all_count(real_database):
    assert in_threads(*[bump_revision] * 4) == [None] * 4
    assert serving.config_revision() == 4
