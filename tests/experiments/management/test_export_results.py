import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from experiments.services.archive.keeping import keep_past_tests
from tests.experiments.services.archive.conftest import import_test
from tests.factories import NOW


@pytest.fixture
def archive(site, other_site):
    for one, name in ((site, "own"), (other_site, "theirs")):
        import_test(one, name, ("Go", 1_000, 40), ("Try", 1_000, 90))
    keep_past_tests(now=NOW)


def test_results_of_all_sites_or_of_one_are_written(archive, tmp_path, capsys):
    path = tmp_path / "results.parquet"
    call_command("export_results", path)
    assert set(pq.read_table(path)["name"].to_pylist()) == {"own", "theirs"}
    assert "4 wordings" in capsys.readouterr().out
    call_command("export_results", path, "--site=rival")
    assert pq.read_table(path)["name"].to_pylist() == ["theirs", "theirs"]
    assert [one.name for one in tmp_path.iterdir()] == ["results.parquet"]


def test_unknown_site_and_missing_folder_are_named(archive, tmp_path):
    with pytest.raises(CommandError, match="There is no site 'none'"):
        call_command("export_results", tmp_path / "r", "--site=none")
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_results", tmp_path / "none" / "r.parquet")
