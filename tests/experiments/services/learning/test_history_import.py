import pytest
from django.db import OperationalError

from experiments.models import HistoryArm, Site
from experiments.services.learning import history_import
from experiments.services.learning.history_import import UnclearSiteError, import_for_site
from ml.history.reading import HistoryFileError
from tests import factories


@pytest.fixture
def history(tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("test,context,text,visitors,clicks\nt,,Go,100,7\nt,,Start now,100,9\n")
    return path


def imported(path, site_key=None):
    return import_for_site(site_key=site_key, path=path, history_format="ctaopt")


def test_first_import_makes_the_default_site(db, history):
    site, summary = imported(history)
    assert (site.key, summary.created) == ("default", 2)
    assert len(site.client_key) > 20


def test_import_goes_to_the_only_site(site, history):
    assert imported(history)[0] == site


def test_import_prefers_the_default_site(site, history):
    default = factories.make_site("default")
    assert imported(history)[0] == default


def test_import_goes_to_the_named_site(site, other_site, history):
    assert imported(history, "rival")[0] == other_site


def test_import_asks_when_several_sites_could_be_meant(site, other_site, history):
    with pytest.raises(UnclearSiteError, match="--site: rival, shop"):
        imported(history)


def test_import_names_an_unknown_site_and_the_known_ones(site, history):
    with pytest.raises(UnclearSiteError, match=r"no site 'nix' \(known: shop\)"):
        imported(history, "nix")


def test_unreadable_file_leaves_nothing_behind(db, tmp_path):
    with pytest.raises(HistoryFileError, match="No such file"):
        imported(tmp_path / "absent.csv")
    assert not Site.objects.exists()
    assert not HistoryArm.objects.exists()


def test_file_without_a_single_good_row_makes_no_site(db, tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("test,text,visitors,clicks\nt,Go,many,7\n")
    site, summary = imported(path)
    assert (site, summary.taken, len(summary.skipped)) == (None, 0, 1)
    assert not Site.objects.exists()


def test_sums_and_remarks_are_repeated(site, tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("test,text,visitors,clicks,ended_on\nt,Go,1 200,7,soon\nt,Try,1 300,9,\n")
    _, summary = imported(path)
    assert (summary.visitors, summary.clicks, summary.taken) == (2_500, 16, 2)
    assert [note.value for note in summary.ignored] == ["soon"]
    assert summary.understood.thousands == " "


def test_import_that_breaks_off_goes_on_with_the_same_file(site, history, monkeypatch):
    """Stored a chunk a transaction, so that events wait for one chunk, not for the file."""
    with history.open("a") as file:
        file.writelines(f"t,,Wording {number},100,9\n" for number in range(4))
    monkeypatch.setattr(history_import, "CHUNK", 4)
    store, stored = history_import._store, []

    def store_once(*chunk):
        if stored:
            raise OperationalError("the disk is full")
        stored.append(store(*chunk))
        return stored[0]

    monkeypatch.setattr(history_import, "_store", store_once)
    with pytest.raises(OperationalError):
        imported(history)
    assert HistoryArm.objects.count() == 4
    monkeypatch.setattr(history_import, "_store", store)
    _, summary = imported(history)
    assert (summary.created, summary.unchanged) == (2, 4)
