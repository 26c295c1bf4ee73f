"""An installation of an earlier commit keeps its visitors as digests after an upgrade."""

import json

import pytest

from tests.upgrade import old_installation as old

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def found(request, tmp_path_factory):
    """What the installation says before and after its visitors are replaced."""
    tmp_path = tmp_path_factory.mktemp("digested")
    if request.param == "sqlite":
        database = old.upgraded_sqlite(tmp_path / "site.sqlite3")
    else:
        database = old.upgraded_postgres(request.getfixturevalue("postgres_server"), "digested")
    out = tmp_path / "found.json"
    folder = old.unpack_folders(tmp_path / "data")
    old.run_step("digests.py", out, folder=folder, database=database)
    return json.loads(out.read_text())


def test_reports_are_the_same_and_no_id_is_left(found):
    assert min(found["ids before"]) > 100
    assert found["ids after"] == [0, 0]
    assert found["after"] == found["before"]
    assert found["recounted"] == found["before"]


def test_it_waits_until_erasures_of_the_earlier_version_are_forgotten(found):
    assert "visitors were erased before the upgrade" in found["refusal"]
